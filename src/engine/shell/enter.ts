/** A command in a copy of an image that was built earlier. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../../linux/index.ts';
import type { ImagePlan, Import, Surroundings } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { earlierLayers } from '../keys/earlier.ts';
import { looking } from '../keys/looking.ts';
import { resolveSource } from '../sources/sources.ts';
import { roomOf } from '../steps/rooms.ts';
import { runShell } from './shells.ts';
import { Terminal } from './terminal.ts';

export interface Entrance {
  /** The name of the image. */
  readonly image: string;
  /** The description of it and of others; nothing has to be known. */
  readonly images: readonly ImagePlan[];
  readonly shell: Surroundings;
  readonly command: readonly string[];
  /** A directory that keeps what is changed; without it all changes are lost. */
  readonly changes?: string;
}

/**
 * Runs a command in a writable copy of an image, with the input and output of the user; returns its exit status.
 * @throws AshlarError when the image was never built, or somebody else works with the same changes.
 */
export async function enterImage(
  { image, images, shell, command, changes }: Entrance,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<number> {
  using _ours = changes === undefined ? undefined : keepForUs(changes);
  return await looking(options, emit, signal, async (context, known) => {
    const imports = images.find(({ name }) => name === image)?.imports ?? [];
    for (const { source } of imports) {
      if (source.kind !== 'image') continue;
      known.set(source.image, { layers: await earlierLayers(source.image, images, context) });
    }
    const layers = await earlierLayers(image, images, context);
    const directory = await copyImports(imports, image, context);
    const room = await roomOf(shell, layers, directory, context);
    using _taken = await new Terminal(emit).take(image);
    return await runShell({ ...room, command, ...(changes !== undefined && { changes }) }, context);
  });
}

/** Copies imports to a directory of this process, so that builds may go on with theirs. */
async function copyImports(imports: readonly Import[], image: string, context: LookContext): Promise<string> {
  const { store, workshop, signal } = context;
  const directory = store.temporaryPath('imports');
  mkdirSync(directory);
  workshop.removeAtEnd(directory);
  // Commands of every user may read it, whatever mask files of ours are made with.
  chmodSync(directory, 0o755);
  // Of two imports with one name the last one counts.
  const wanted = [...new Map(imports.map(entry => [entry.name, entry])).values()];
  const staged = await Promise.all(
    wanted.map(async ({ name, source, mode, uid = 0, gid = 0 }) => {
      const resolved = await resolveSource(source, image, context);
      const location = await resolved.locate();
      return { name, location, uid, gid, ...(mode !== undefined && { mode }) };
    }),
  );
  if (staged.length > 0) await workshop.call('stage', { directory, keep: [], imports: staged }, { signal });
  return directory;
}

/** overlayfs does not say what happens when two trees have their changes in one place. */
function keepForUs(changes: string): Disposable {
  mkdirSync(changes, { recursive: true });
  const lock = lockFile(join(changes, '.lock'), { mode: 'exclusive', wait: false });
  if (lock) return lock;
  throw new AshlarError(`somebody else works in ${changes}`, {
    hint: 'wait until the other chroot has ended',
  });
}
