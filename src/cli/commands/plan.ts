import { publicValue, withoutLogins } from '../../support/secrets.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { planLines } from './plan-lines.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

/** Prints what would be built: a line per base and step, or the plan itself as JSON. */
export async function plan(globals: GlobalFlags, flags: PlanFlags & { readonly json?: true }): Promise<void> {
  const log = openLog(globals);
  using interruption = interruptible();
  using recipe = await loadRecipe(await readSettings(globals), flags, log, interruption.signal);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(recipe.plan, publicValue, 2)}\n`);
    return;
  }
  process.stdout.write(`${planLines(recipe.plan).map(withoutLogins).join('\n')}\n`);
}
