/** What --stash means: images in the store's stashes, in a registry, or wherever a reference says. */
import { type OpenedStash, openStash } from '../../engine/index.ts';
import type { ImageBase } from '../../plan/types.ts';
import { SystemUsageError } from './usage.ts';

export interface StashOrder {
  /** In their order, the lowest first. */
  readonly names: readonly string[];
  readonly fromRegistry: string | undefined;
}

/** The stashes before anybody was asked for them, to check what is to be built on them. @throws SystemUsageError */
export function unopenedStashes({ names }: StashOrder): readonly ImageBase[] {
  if (names.length === 0) throw new SystemUsageError('--stash is missing: the container to build on');
  return names.map(reference => ({ kind: 'image', reference, insecure: false, at: placeOf(reference) }));
}

/** All stashes as they are now; what was imported for them goes when the stack is disposed of. */
export async function openStashes(
  { names, fromRegistry }: StashOrder,
  store: string,
  temporary: string,
  signal: AbortSignal,
  opened: AsyncDisposableStack,
): Promise<readonly OpenedStash[]> {
  const insecure = fromRegistry !== undefined && isThisMachine(fromRegistry);
  const all: OpenedStash[] = [];
  for (const name of names) {
    const options = { store, fromRegistry, insecure, at: placeOf(name), temporary, signal };
    all.push(opened.use(await openStash(name, options)));
  }
  return all;
}

/** Registries of this machine may do without TLS. */
function isThisMachine(registry: string): boolean {
  return /^(?:docker:\/\/)?(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?(?:\/|$)/.test(registry);
}

function placeOf(name: string) {
  return { file: 'command line', line: 1, column: 1, lineText: `--stash ${name}` };
}
