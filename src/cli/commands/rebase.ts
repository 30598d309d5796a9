import { isReference, rebaseImage } from '../../engine/index.ts';
import { UsageError } from '../failure.ts';
import { followed } from '../follow.ts';
import { checkResultName } from '../result-name.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { buildOptions } from './build-options.ts';

export interface RebaseFlags {
  readonly old: string;
  readonly new: string;
  readonly tag?: string;
}

/** Puts an image on another base; the result has its own layers as they were. */
export async function rebase(globals: GlobalFlags, image: string, flags: RebaseFlags): Promise<void> {
  const settings = await readSettings(globals);
  const tag = flags.tag ?? (isReference(image) ? undefined : image);
  if (tag === undefined) {
    throw new UsageError(`--tag is missing: the name of the result in ${settings.ociDir}`, {
      hint: 'only for an image of that layout is it the name that it has',
    });
  }
  checkResultName(tag);
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  await followed(globals, {}, ({ emit, signal }) =>
    rebaseImage({ image, old: flags.old, base: flags.new, tag }, options, emit, signal),
  );
}
