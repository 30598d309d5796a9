/** What processes in the trees of images find there, as the inner half wants to know it. */
import { stat } from 'node:fs/promises';
import type { Bind, Surroundings } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { LookContext } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import type { Room } from '../inside/request-parts.ts';
import { runEnvironment } from '../keys/key-parts.ts';
import { missingHint } from '../sources/hints.ts';
import type { LayerRecord } from '../values.ts';

/**
 * The tree of layers with these surroundings. The layers are fetched.
 * @param imports The directory of the image's imports.
 * @throws AshlarError when something that is to be bound is not there.
 */
export async function roomOf(
  { environment, binds, importDirectories }: Surroundings,
  layers: readonly LayerRecord[],
  imports: string,
  context: LookContext,
): Promise<Room> {
  const { network, runtime, environment: host } = context.options;
  return {
    layers: await treeLayers(layers, context),
    environment: runEnvironment(environment, host),
    network,
    ...(runtime === undefined ? {} : { runtime }),
    imports,
    importDirectories,
    binds: await Promise.all(binds.map(checkBind)),
  };
}

async function checkBind({ source, target, at }: Bind): Promise<Room['binds'][number]> {
  try {
    await stat(source);
  } catch (cause) {
    const why = `bind mount source "${source}" does not exist, refusing bind mount: stat ${source}: no such file or directory`;
    throw new AshlarError(`failed to bind mount "${source}" at "${target}": ${why}`, {
      at,
      hint: missingHint(source),
      cause,
    });
  }
  return { source, target };
}
