import { resolve } from 'node:path';
import { type BuildOptions, type Change, type Explanation, explainPlan } from '../../engine/index.ts';
import { UsageError } from '../failure.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { buildOptions, type ResultFlags } from './build-options.ts';
import { loadRecipe, type PlanFlags, type Recipe } from './recipe.ts';

export interface ExplainFlags extends PlanFlags, ResultFlags {
  readonly json?: true;
}

/** Prints what a build would make anew, and what has changed since the last one. Builds nothing. */
export async function explain(
  globals: GlobalFlags,
  layers: readonly string[],
  flags: ExplainFlags,
): Promise<void> {
  const settings = await readSettings(globals);
  const log = openLog(globals);
  using interruption = interruptible();
  using recipe = await loadRecipe(settings, flags, log, interruption.signal);
  const warn = (text: string) => log('warning', text);
  const explanations = await explainPlan(
    recipe.plan,
    layers,
    await optionsFor(settings, flags, recipe),
    warn,
    interruption.signal,
  );
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(explanations, null, 2)}\n`
      : explanations.flatMap(describe).join('\n').concat('\n'),
  );
}

/** Builds of KIWI descriptions are known by where their results are. */
async function optionsFor(settings: Settings, flags: ExplainFlags, { fetch }: Recipe): Promise<BuildOptions> {
  const { description, targetDir, network } = flags;
  if (description === undefined) return buildOptions(settings, flags, fetch);
  if (targetDir === undefined)
    throw new UsageError('--target-dir is missing: the directory of the results of the last build');
  const { systemBuildOptions } = await import('../kiwi/work.ts');
  return systemBuildOptions(resolve(targetDir), settings, {}, network);
}

function describe({ image, state, changes }: Explanation): readonly string[] {
  return [`${image}: ${state}`, ...changes.flatMap(describeChange)];
}

function describeChange({ where, text, details }: Change): readonly string[] {
  return [`  ${where}: ${text}`, ...details.map(line => `    ${line}`)];
}
