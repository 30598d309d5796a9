import { readFileSync, realpathSync } from 'node:fs';
import { unmount } from '../linux/index.ts';

/**
 * Unmounts whatever is still mounted below a directory of ours. To be called before the directory is removed: through a
 * forgotten bind mount, removing it would remove files of the host. Throws when something stays mounted.
 */
export function releaseMounts(path: string): void {
  // The kernel tells mount points by their real paths.
  const directory = realpathSync(path);
  for (const target of mountsBelow(directory)) unmount(target);
  const left = mountsBelow(directory);
  if (left.length > 0) throw new Error(`${left[0]} is still mounted`);
}

/** The options of the overlay that is to be seen at a directory, told by its real path; undefined when it is none. */
export function overlayAt(directory: string): string | undefined {
  const uppermost = mounts().findLast(({ target }) => target === directory);
  return uppermost?.type === 'overlay' ? uppermost.options : undefined;
}

/** The mount points below a directory, the latest first. */
function mountsBelow(directory: string): readonly string[] {
  return mounts()
    .map(({ target }) => target)
    .filter(target => target.startsWith(`${directory}/`))
    .toReversed();
}

interface Mounted {
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

/** What is mounted in this namespace, the latest last: proc_pid_mountinfo(5). */
function mounts(): readonly Mounted[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [place = '', device = ''] = line.split(' - ');
      const [type = '', , options = ''] = device.split(' ');
      return { target: decode(place.split(' ')[4] ?? ''), type, options: decode(options) };
    });
}

/** White space and backslashes stand as octal numbers in mountinfo (proc(5)). */
function decode(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
