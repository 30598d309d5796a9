/** KIWI's global options, which stand before `system` or after its commands. */
import type { Command } from 'commander';
import { STANDARD_OUTPUT } from '../log.ts';
import type { GlobalFlags } from '../settings.ts';
import { machineArchitecture } from './machine.ts';
import { SystemUsageError } from './usage.ts';

/** As commander gives them, with those of ashlar. */
interface GivenGlobals extends GlobalFlags {
  readonly profile?: readonly string[];
  readonly type?: string;
  readonly kiwiFile?: string;
  readonly targetArch?: string;
  readonly tempDir?: string;
  readonly sharedCacheDir?: string;
  readonly setenv?: readonly string[];
  readonly logfile?: string;
  readonly logsocket?: string;
  readonly loglevel?: string;
  readonly colorOutput?: true;
}

export interface KiwiGlobals {
  /** What ashlar's own commands understand. */
  readonly ashlar: GlobalFlags;
  /** In the order given, each once. */
  readonly profiles: readonly string[];
  readonly type: string | undefined;
  /** Name of the description in its directory. */
  readonly kiwiFile: string | undefined;
  /** As `uname -m` says it. */
  readonly architecture: string;
  /** For scripts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Options that were given and have no effect here, as they are written. */
  readonly withoutEffect: readonly string[];
}

/** What was given to a command of `system` and before it. @throws SystemUsageError */
export function kiwiGlobalsOf(command: Command): KiwiGlobals {
  const given = givenTo(command);
  const { debug, quiet, logFile, logfile, loglevel, config } = given;
  const level = loglevel === undefined ? 20 : levelOf(loglevel);
  if (debug && quiet) throw new SystemUsageError("debug and quiet don't make sense together");
  const file = logFile ?? (logfile === 'stdout' ? STANDARD_OUTPUT : logfile);
  const without = {
    '--config': config,
    '--temp-dir': given.tempDir,
    '--shared-cache-dir': given.sharedCacheDir,
    '--logsocket': given.logsocket,
  };
  return {
    ashlar: {
      ...ashlarFlags(given),
      ...((debug || level <= 10) && { debug: true as const }),
      ...((quiet || level >= 40) && { quiet: true as const }),
      ...(file !== undefined && { logFile: file }),
    },
    profiles: [...new Set(given.profile)],
    type: given.type,
    kiwiFile: given.kiwiFile,
    architecture: given.targetArch ?? machineArchitecture(),
    environment: Object.fromEntries((given.setenv ?? []).map(variableOf)),
    withoutEffect: Object.entries(without).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  };
}

/** Options that may be repeated add up, of the others those nearest to the command win. */
function givenTo(command: Command): GivenGlobals {
  const own = command.opts<GivenGlobals>();
  if (command.parent === null) return own;
  const above = givenTo(command.parent);
  const profile = [...(above.profile ?? []), ...(own.profile ?? [])];
  const setenv = [...(above.setenv ?? []), ...(own.setenv ?? [])];
  return { ...above, ...own, profile, setenv };
}

/** KIWI's `--config` is another file than that of stacker. */
function ashlarFlags(given: GivenGlobals): GlobalFlags {
  const { store, ociDir, stackerDir, rootsDir, workDir, logTimestamp, progress } = given;
  return { ...definedOf({ store, ociDir, stackerDir, rootsDir, workDir, logTimestamp, progress }) };
}

function definedOf<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function levelOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new SystemUsageError(`--loglevel takes a number: ${text}`, {
    hint: '10 says everything, 20 is usual, 40 says nothing but errors',
  });
}

function variableOf(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new SystemUsageError(`--setenv takes NAME=VALUE: ${text}`);
}
