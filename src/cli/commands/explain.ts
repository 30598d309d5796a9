import { type Change, type Explanation, explainPlan } from '../../engine/index.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { buildOptions, type ResultFlags } from './build-options.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

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
    buildOptions(settings, flags, recipe.fetch),
    warn,
    interruption.signal,
  );
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(explanations, null, 2)}\n`
      : explanations.flatMap(describe).join('\n').concat('\n'),
  );
}

function describe({ image, state, changes }: Explanation): readonly string[] {
  return [`${image}: ${state}`, ...changes.flatMap(describeChange)];
}

function describeChange({ where, text, details }: Change): readonly string[] {
  return [`  ${where}: ${text}`, ...details.map(line => `    ${line}`)];
}
