import { nameOfBase, nameOfSource, nameOfText } from '../../plan/names.ts';
import type { PackagesStep, SetupChange, Squash, Step } from '../../plan/types.ts';
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
    case 'packages':
      return describePackages(step).map(line => `packages ${line}`);
    case 'run':
      return [`run     ${lineCount(step.script)}`];
    case 'setup':
      return step.changes.map(change => `setup   ${describeChange(change)}`);
  }
}

function describePackages(step: PackagesStep): readonly string[] {
  const { manager, repositories, install, collections, ignore, uninstall, delete: deleted } = step;
  const words: readonly (readonly [string, readonly string[]])[] = [
    ['install', install],
    ['collections', collections.map(({ name }) => name)],
    ['ignore', ignore],
    ['uninstall', uninstall],
    ['delete', deleted],
  ];
  return [
    ...repositories.map(({ alias, url }) => `${manager} repository ${alias} = ${url}`),
    ...words.flatMap(([what, names]) => (names.length > 0 ? [`${manager} ${what} ${names.join(' ')}`] : [])),
  ];
}

function describeChange(change: SetupChange): string {
  switch (change.kind) {
    case 'file':
    case 'directory':
    case 'remove':
    case 'owner':
      return `${change.kind} ${change.path}`;
    case 'link':
      return `link ${change.path} -> ${change.target}`;
    case 'groups':
      return `groups ${change.groups.map(({ name }) => name).join(', ')}`;
    case 'users':
      return `users ${change.users.map(({ name }) => name).join(', ')}`;
    case 'locale':
      return `locale ${change.locales.join(', ')}`;
    case 'keytable':
      return `keytable ${change.keytable}`;
    case 'timezone':
      return `timezone ${change.timezone}`;
    case 'hostname':
      return `hostname ${change.hostname}`;
    case 'machine-id':
      return 'machine-id';
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
