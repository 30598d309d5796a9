import { buildPlan, selectImages } from '../../engine/index.ts';
import { type Followed, type FollowFlags, followed } from '../follow.ts';
import { formOptions } from '../layer-types.ts';
import { checkBeforeWork } from '../machine/before-work.ts';
import { checkPrograms } from '../machine/programs.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { buildOptions, type ResultFlags, type WorkFlags } from './build-options.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

export interface BuildFlags extends PlanFlags, ResultFlags, WorkFlags, FollowFlags {
  readonly orderOnly?: true;
  /** Layers; all when there are none. */
  readonly target: readonly string[];
}

export async function build(globals: GlobalFlags, flags: BuildFlags): Promise<void> {
  const settings = await readSettings(globals);
  const { types } = formOptions(flags);
  checkPrograms(types);
  await followed(globals, flags, work =>
    buildFiles(settings, { ...flags, debug: globals.debug ?? false }, work),
  );
}

async function buildFiles(
  settings: Settings,
  flags: BuildFlags,
  { log, emit, signal }: Followed,
): Promise<void> {
  const { plan, order } = await loadRecipe(settings, flags, log);
  if (flags.orderOnly) {
    log('info', 'stacker build order:');
    for (const [i, { path, requires }] of order.entries())
      log('info', `${i} build ${path}: requires: [${requires.join(' ')}]`);
    return;
  }
  const wanted = flags.target.length === 0 ? plan : selectImages(plan, flags.target);
  const runs = wanted.images.some(({ steps, labels }) => labels || steps.some(({ kind }) => kind === 'run'));
  checkBeforeWork({ store: settings.store, output: settings.ociDir, runs }, text => log('warning', text));
  await buildPlan(wanted, buildOptions(settings, flags), emit, signal);
}
