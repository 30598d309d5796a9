/** Extracts a tar archive into the tree built so far: owners, modes, times and attributes are those of the archive. */
import type { CopyItem } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { copyParts } from '../keys/key-parts.ts';
import { directoriesBelow } from './directories-below.ts';
import {
  checkUnchanged,
  packHere,
  packInside,
  type StepContext,
  type StepResult,
  throughCache,
} from './steps.ts';
import { findTarget, targetOf } from './targets.ts';

/** Makes a layer out of an archive, which goes through links of the tree to directories. */
export async function extract(item: CopyItem, step: StepContext): Promise<StepResult> {
  const { context, layers, state, sources } = step;
  const source = sources.of(item.source);
  if (source.type !== 'file')
    throw new AshlarError(`a ${source.type} cannot be extracted: it is no archive`, { at: item.source.at });
  const { path: target } = await findTarget(targetOf(item, state), 'directory', layers, context);
  const known = { item, identity: source.identity, target };
  return throughCache(
    {
      domain: 'copy',
      parts: copyParts([known], undefined, layers, undefined, context.options),
      perform: async pack => {
        const into = { target, below: await directoriesBelow(layers, context) };
        const location = await source.locate();
        const packed =
          location.kind === 'host' && !source.inside
            ? await packHere({ kind: 'tar', path: location.path, into }, pack, step)
            : await packInside({ kind: 'tar', location, pack, into }, step);
        await checkUnchanged(item.source, source, step);
        return packed;
      },
    },
    step,
  );
}
