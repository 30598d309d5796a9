/** From flags to what the engine is told besides the plan. */
import { availableParallelism, hostname, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { BuildOptions, FetchOptions } from '../../engine/index.ts';
import { splitShellWords } from '../../support/shellwords.ts';
import { sourceDateEpoch } from '../epoch.ts';
import { UsageError } from '../failure.ts';
import { type FormFlags, formOptions } from '../layer-types.ts';
import type { Settings } from '../settings.ts';

const SHELL = '/bin/sh';

/** The flags that decide what comes out, besides those of the plan. */
export interface ResultFlags extends FormFlags {
  readonly compression: 'gzip' | 'zstd';
  readonly network: 'host' | 'none';
}

/** The flags that decide how it is made. */
export interface WorkFlags {
  readonly cache?: boolean;
  readonly jobs?: number;
  readonly runtime?: string;
  readonly onRunFailure?: string;
  readonly shellFail?: true;
  readonly explain?: true;
  /** The directory of files that are made of images. */
  readonly results?: string;
  /** The global flag. */
  readonly debug?: boolean;
}

export function buildOptions(
  settings: Settings,
  flags: ResultFlags & WorkFlags,
  fetch?: FetchOptions,
): BuildOptions {
  const epoch = sourceDateEpoch();
  return {
    store: settings.store,
    output: settings.ociDir,
    results: resolve(flags.results ?? join(dirname(settings.ociDir), 'results')),
    project: { work: settings.stackerDir, roots: settings.rootsDir },
    jobs: flags.jobs ?? availableParallelism(),
    noCache: flags.cache === false,
    sourceDateEpoch: epoch,
    compression: flags.compression,
    forms: formOptions(flags),
    ...(fetch && { fetch }),
    network: flags.network,
    runtime: flags.runtime,
    onRunFailure: onRunFailure(flags),
    environment: process.env,
    authorship: authorship(epoch),
    explain: flags.explain ?? false,
    debug: flags.debug ?? false,
  };
}

/** The words of the command of --on-run-failure, or of the shell that --shell-fail stands for. */
function onRunFailure({ onRunFailure: command, shellFail }: WorkFlags): readonly string[] | undefined {
  if (shellFail && command !== undefined && command !== SHELL)
    throw new UsageError(`--shell-fail is incompatible with --on-run-failure=${command}`);
  const words = splitShellWords((shellFail ? SHELL : command) ?? '');
  return words.length > 0 ? words : undefined;
}

function authorship(epoch: number | undefined): BuildOptions['authorship'] {
  // Without the fraction, as programs in Go write whole seconds: scripts compare the text.
  if (epoch !== undefined)
    return { author: 'stacker', created: new Date(epoch * 1000).toISOString().replace('.000Z', 'Z') };
  const user = process.env.SUDO_USER || userInfo().username;
  return { author: `${user}@${hostname()}`, created: new Date().toISOString() };
}
