import { nameOfBase, nameOfSource, nameOfText } from '../../plan/names.ts';
import type { Squash, Step } from '../../plan/types.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

/** Prints what would be built: a line per base and step, or the plan itself as JSON. */
export async function plan(globals: GlobalFlags, flags: PlanFlags & { readonly json?: true }): Promise<void> {
  const log = openLog(globals);
  using interruption = interruptible();
  using recipe = await loadRecipe(await readSettings(globals), flags, log, interruption.signal);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(recipe.plan, null, 2)}\n`);
    return;
  }
  const blocks = recipe.plan.images.map(({ name, base, imports, steps, squash, labels, emit }) => [
    `${name}${emit ? '' : ' (build only)'}`,
    `  from    ${nameOfBase(base)}`,
    ...imports.map(({ name, source }) => `  import  ${name} = ${nameOfSource(source)}`),
    ...steps.flatMap(describeStep).map(line => `  ${line}`),
    ...(squash ? [`  squash  ${describeSquash(squash)}`] : []),
    ...(labels ? [`  labels  ${lineCount(labels.script)}`] : []),
  ]);
  process.stdout.write(`${blocks.map(lines => lines.join('\n')).join('\n\n')}\n`);
}

function describeStep(step: Step): readonly string[] {
  switch (step.kind) {
    case 'apply':
      return [`apply   ${step.image.reference}`];
    case 'copy':
      return step.items.map(
        ({ source, target }) => `copy    ${nameOfSource(source)} -> ${nameOfText(target)}`,
      );
    case 'config':
      return [`config  ${oneLine(step.createdBy)}`];
    case 'exec':
      return [`exec    ${oneLine(step.command.join(' '))}`];
    case 'run':
      return [`run     ${lineCount(step.script)}`];
  }
}

function describeSquash({ groups, without }: Squash): string {
  const layers = `at most ${groups.length} ${groups.length === 1 ? 'layer' : 'layers'}`;
  return [layers, ...(without.length > 0 ? [`without ${without.join(', ')}`] : [])].join(' ');
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function lineCount(script: string): string {
  return `${script.split('\n').length - 1} lines`;
}
