import { diffImages } from '../../engine/index.ts';
import { followed } from '../follow.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { isColorful, printLines } from '../table.ts';
import { buildOptions } from './build-options.ts';
import { diffLines } from './diff-lines.ts';

export interface DiffFlags {
  readonly json?: true;
  /** End with 1 where there is a difference. */
  readonly exitCode?: true;
}

/** Prints what is different in the second image: packages, config, paths. */
export async function diff(
  globals: GlobalFlags,
  [from, to]: readonly [string, string],
  flags: DiffFlags,
): Promise<void> {
  const settings = await readSettings(globals);
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  const found = await followed(globals, {}, ({ emit, signal }) =>
    diffImages(from, to, options, emit, signal),
  );
  printLines(flags.json ? [JSON.stringify(found, null, 2)] : diffLines(found, isColorful()));
  if (flags.exitCode && found.paths.length + found.packages.length + found.config.length > 0)
    process.exitCode = 1;
}
