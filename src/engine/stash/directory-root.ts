/** Directories of this machine that become stashes: looked at where all owners of their files have a name. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { type LookContext, say } from '../context.ts';
import type { DoubtfulOwners } from '../inside/requests.ts';
import { tarWithContents } from '../layer-contents.ts';
import { type Root, WITHOUT_CONTENT } from './root.ts';

export function directoryRoot(directory: string, context: LookContext): Root {
  const { workshop, signal, store } = context;
  return {
    description: () => workshop.call('readDescription', directory, { signal }),
    packDifference: async (below, pack, name) => {
      const contents = await Promise.all(
        below.map(async layer => (await tarWithContents(layer, context)).contents),
      );
      const { layer, doubtful } = await workshop
        .call(
          'treeDifference',
          {
            directory,
            below: contents,
            withoutContentOf: WITHOUT_CONTENT,
            index: join(store.path, 'index.db'),
            pack,
          },
          {
            signal,
            onPacking: bytes => context.emit({ kind: 'packing', image: name, bytes }),
            onWarning: text => say(context, name, 'warning', text),
          },
        )
        .catch(error => Promise.reject(explained(error)));
      checkOwners(directory, doubtful);
      return layer;
    },
  };
}

const FOREIGN_HINT =
  'stash a tar archive of the tree (tar --xattrs --acls --numeric-owner -cf), or stash it as root';

/** What a plain user may not read belongs to somebody who has no id in our namespaces. */
function explained(error: unknown): unknown {
  const refused = ['EACCES', 'EPERM'].includes(codeOf(error) ?? '');
  return refused && error instanceof AshlarError && process.getuid?.() !== 0
    ? new AshlarError(error.message, { hint: FOREIGN_HINT, cause: error })
    : error;
}

/** Files of users who have no id in our namespaces would become those of nobody. */
function checkOwners(directory: string, doubtful: DoubtfulOwners): void {
  if (process.getuid?.() === 0) return;
  for (const kind of ['uid', 'gid'] as const) {
    const { paths, id } = doubtful[kind];
    const foreign = paths.find(
      path => id === undefined || (ownerOf(join(directory, path))?.[kind] ?? id) !== id,
    );
    if (foreign === undefined) continue;
    const who = kind === 'uid' ? 'user' : 'group';
    throw new AshlarError(
      `/${foreign} of the tree belongs to a ${who} who does not exist for who stashes it`,
      {
        hint: FOREIGN_HINT,
      },
    );
  }
}

/** Undefined in directories that only their owners can look into, who then do exist. */
function ownerOf(path: string): { readonly uid: number; readonly gid: number } | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
