import { availableParallelism, hostname, userInfo } from 'node:os';
import { type BuildEvent, type BuildOptions, buildPlan } from '../../engine/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { sourceDateEpoch } from '../epoch.ts';
import { openLog } from '../log.ts';
import { Progress } from '../progress.ts';
import { Reporter } from '../reporter.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

export interface BuildFlags extends PlanFlags {
  readonly cache: boolean;
  readonly jobs?: number;
  readonly orderOnly?: true;
  readonly layerType: readonly string[];
  readonly compression: 'gzip' | 'zstd';
  readonly network: 'host' | 'none';
  readonly runtime?: string;
}

/** Stops a build from outside (Ctrl-C); everything that runs for it is ended and removed before we leave. */
class Interruption extends Error {
  override readonly name = 'Interruption';
}

export async function build(globals: GlobalFlags, flags: BuildFlags): Promise<void> {
  const settings = await readSettings(globals);
  const epoch = sourceDateEpoch();
  checkLayerTypes(flags.layerType);
  using progress = wantsProgress(globals) ? new Progress(process.stderr) : undefined;
  const log = openLog(globals, line => (progress ? progress.write(line) : process.stderr.write(line)));
  const { plan, order } = await loadRecipe(settings, flags, log);
  if (flags.orderOnly) {
    log('info', 'stacker build order:');
    for (const [i, { path, requires }] of order.entries())
      log('info', `${i} build ${path}: requires: [${requires.join(' ')}]`);
    return;
  }
  const options: BuildOptions = {
    store: settings.store,
    output: settings.ociDir,
    jobs: flags.jobs ?? availableParallelism(),
    noCache: !flags.cache,
    sourceDateEpoch: epoch,
    compression: flags.compression,
    network: flags.network,
    runtime: flags.runtime,
    environment: process.env,
    authorship: authorship(epoch),
  };
  const reporter = new Reporter(log, bytes =>
    progress ? progress.write(bytes, process.stdout) : process.stdout.write(bytes),
  );
  const report = (event: BuildEvent) => {
    progress?.follow(event);
    reporter.report(event);
  };
  using interruption = interruptible();
  try {
    await buildPlan(plan, options, report, interruption.signal);
  } finally {
    reporter.end();
  }
}

function wantsProgress({ progress, quiet }: GlobalFlags): boolean {
  return progress ?? (process.stderr.isTTY === true && !quiet && !process.env.CI);
}

function checkLayerTypes(types: readonly string[]): void {
  for (const type of types) {
    if (type === 'squashfs' || type === 'erofs')
      throw new AshlarError(`--layer-type ${type} is not supported yet`);
    if (type !== 'tar') throw new AshlarError(`unknown layer type: ${type}`);
  }
}

function authorship(epoch: number | undefined): BuildOptions['authorship'] {
  if (epoch !== undefined) return { author: 'stacker', created: new Date(epoch * 1000).toISOString() };
  const user = process.env.SUDO_USER || userInfo().username;
  return { author: `${user}@${hostname()}`, created: new Date().toISOString() };
}

/** A signal that is aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
function interruptible(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interruption('interrupted'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}
