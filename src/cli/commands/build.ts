import { type BuildOptions, type BuiltImage, buildPlan, selectImages } from '../../engine/index.ts';
import type { Plan } from '../../plan/types.ts';
import { type Followed, type FollowFlags, followed } from '../follow.ts';
import { formOptions } from '../layer-types.ts';
import { checkBeforeWork } from '../machine/before-work.ts';
import { checkPrograms } from '../machine/programs.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { printLines } from '../table.ts';
import { buildOptions, type ResultFlags, type WorkFlags } from './build-options.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

export interface BuildFlags extends PlanFlags, ResultFlags, WorkFlags, FollowFlags {
  readonly orderOnly?: true;
  /** Layers; all when there are none. */
  readonly target: readonly string[];
  /** Names of the image of a descriptor. */
  readonly tag?: readonly string[];
}

export async function build(globals: GlobalFlags, flags: BuildFlags): Promise<void> {
  const settings = await readSettings(globals);
  const { types } = formOptions(flags);
  checkPrograms(types);
  await followed(globals, flags, work =>
    buildFiles(settings, { ...flags, debug: globals.debug ?? false }, work),
  );
}

async function buildFiles(settings: Settings, flags: BuildFlags, work: Followed): Promise<void> {
  const { log, signal } = work;
  using recipe = await loadRecipe(settings, flags, log, signal, { tags: flags.tag });
  const { plan, order, fetch } = recipe;
  if (flags.orderOnly) {
    log('info', 'stacker build order:');
    for (const [i, { path, requires }] of order.entries())
      log('info', `${i} build ${path}: requires: [${requires.join(' ')}]`);
    return;
  }
  const wanted = flags.target.length === 0 ? plan : selectImages(plan, flags.target);
  const images = await buildImages(wanted, buildOptions(settings, flags, fetch), work);
  printOutputs(images);
}

/** The paths of the files that were made of images, on standard output: scripts go on with them. */
export function printOutputs(images: readonly BuiltImage[]): void {
  const paths = images.flatMap(({ outputs }) => outputs.map(({ path }) => path));
  if (paths.length > 0) printLines(paths);
}

/** Builds a plan, after a look at the machine. */
export async function buildImages(
  plan: Plan,
  options: BuildOptions,
  { log, emit, signal }: Followed,
): Promise<readonly BuiltImage[]> {
  const runs = plan.images.some(
    ({ steps, labels }) => labels || steps.some(({ kind }) => kind === 'run' || kind === 'exec'),
  );
  checkBeforeWork({ store: options.store, output: options.output, runs }, text => log('warning', text));
  return buildPlan(plan, options, emit, signal);
}
