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

/** Whether something is mounted at a directory, told by its real path. */
export function isMountPoint(directory: string): boolean {
  return mountPoints().includes(directory);
}

/** The mount points below a directory, the latest first. */
function mountsBelow(directory: string): readonly string[] {
  return mountPoints()
    .filter(target => target.startsWith(`${directory}/`))
    .toReversed();
}

function mountPoints(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => decode(line.split(' ')[4] ?? ''));
}

/** White space and backslashes stand as octal numbers in mountinfo (proc(5)). */
function decode(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
