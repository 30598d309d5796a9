/** A plan as lines for people. */
import { nameOfBase, nameOfSource, nameOfText } from '../../plan/names.ts';
import type { Output } from '../../plan/outputs.ts';
import type { PackagesStep, Plan, SetupChange, Squash, Step } from '../../plan/types.ts';

/** A line per base, step and file; images are apart by an empty one. */
export function planLines({ images }: Plan): readonly string[] {
  return images.flatMap(({ name, base, imports, steps, squash, labels, forms, outputs = [], emit }, i) => [
    ...(i > 0 ? [''] : []),
    `${name}${emit || forms ? '' : ' (build only)'}`,
    `  from    ${nameOfBase(base)}`,
    ...imports.map(({ name, source }) => `  import  ${name} = ${nameOfSource(source)}`),
    ...steps.flatMap(step => describeStep(step, name)).map(line => `  ${line}`),
    ...(squash ? [`  squash  ${describeSquash(squash)}`] : []),
    ...(labels ? [`  labels  ${lineCount(labels.script)}`] : []),
    ...(emit && forms ? forms : []).map(
      form => `  output  the image${form === 'usual' ? '' : ` as ${form}`}`,
    ),
    ...outputs.flatMap(describeOutput).map(line => `  ${line}`),
  ]);
}

function describeOutput(output: Output): readonly string[] {
  const lines = [`output  ${output.file} (${output.kind})`];
  if (output.kind !== 'disk') return lines;
  const { formats, containers = [] } = output;
  return [
    ...lines,
    ...formats.map(({ file, format }) => `output  ${file} (${format})`),
    ...containers.map(({ file, disk }) => `output  ${file} (container of ${disk})`),
  ];
}

function describeStep(step: Step, image: string): readonly string[] {
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
      return [`run     ${lineCount(step.script)}${whatRuns(step.createdBy, image)}`];
    case 'setup':
      return step.changes.map(change => `setup   ${describeChange(change)}`);
  }
}

/** Nothing where it only says of which image it is. */
function whatRuns(createdBy: string, image: string): string {
  return createdBy.endsWith(` ${image}`) ? '' : ` (${oneLine(createdBy)})`;
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
