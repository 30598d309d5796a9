import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { type BuildFlags, build } from './build.ts';
import { findFiles, type SearchFlags } from './find-files.ts';

export type RecursiveBuildFlags = Omit<BuildFlags, 'stackerFile'> & SearchFlags;

/** Builds all stacker files below a directory. */
export async function recursiveBuild(globals: GlobalFlags, flags: RecursiveBuildFlags): Promise<void> {
  const stackerFile = findFiles(flags, await readSettings(globals));
  if (stackerFile.length > 0) return build(globals, { ...flags, stackerFile });
  const text = `no file below ${flags.searchDir} matches ${flags.stackerFilePattern}`;
  openLog(globals)('warning', text);
}
