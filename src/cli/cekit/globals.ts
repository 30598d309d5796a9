/** The flags that stand before or after any command of `cekit`. */
import type { GlobalFlags } from '../settings.ts';
import type { CekitConfigFlags } from './config.ts';

/** CEKit's own ones, and those of ashlar whose names CEKit has not taken. */
export interface CekitGlobals extends CekitConfigFlags, Omit<GlobalFlags, 'config' | 'debug' | 'workDir'> {
  readonly descriptor?: string;
  readonly verbose?: true;
  readonly trace?: true;
  readonly nocolor?: true;
  /** The directory of files for other programs. */
  readonly target?: string;
  /** What stood before `cekit`, where the program is ashlar. */
  readonly program: GlobalFlags;
}

/** The same as ashlar's global flags. */
export function ashlarGlobals(flags: CekitGlobals): GlobalFlags {
  const { config: _config, workDir: _workDir, verbose, trace, program, ...ours } = flags;
  return { ...program, ...ours, ...((verbose || trace) && { debug: true }) };
}

/** Colors are asked about in many places. */
export function applyColorFlag({ nocolor }: CekitGlobals): void {
  if (nocolor) process.env.NO_COLOR = '1';
}
