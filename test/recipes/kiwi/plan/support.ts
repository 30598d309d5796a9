/** Descriptions in directories of their own, as plans. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { ImagePlan, Plan, Step } from '../../../../src/plan/types.ts';
import { readKiwi } from '../../../../src/recipes/kiwi/load.ts';
import type { KiwiChoice, KiwiDescription } from '../../../../src/recipes/kiwi/model.ts';
import {
  type DescriptionChanges,
  noChanges,
  resolveChanged,
} from '../../../../src/recipes/kiwi/plan/changes.ts';
import { type KiwiPlanOptions, noPackageChoice } from '../../../../src/recipes/kiwi/plan/options.ts';
import { planBuild, planRebuild } from '../../../../src/recipes/kiwi/plan/plan.ts';
import { directoryWith, imageOf } from '../support.ts';

export const at = { file: 'test', line: 1, column: 1 };

/** A preferences section with these types. */
export function preferences(types: string, more = ''): string {
  return `<preferences><version>1.2.3</version><packagemanager>apt</packagemanager>${more}${types}</preferences>`;
}

export const tbzType = '<type image="tbz"/>';

export const debian =
  '<repository type="apt-deb" alias="d"><source path="http://d.example/debian"/></repository>';

export interface Given {
  readonly elements: readonly string[];
  /** Beside the description; those that end with `.sh!` are executable. */
  readonly files?: Readonly<Record<string, string>>;
  readonly choice?: Partial<KiwiChoice>;
  readonly changes?: Partial<DescriptionChanges>;
}

export interface Planned {
  readonly directory: string;
  readonly warnings: readonly string[];
}

export const onStash: KiwiPlanOptions['stack'] = [
  { kind: 'image', reference: 'oci:/stash:latest', insecure: false, at },
];

/** A description that is really there, as files beside it matter. */
export async function describedIn(given: Given): Promise<KiwiDescription> {
  const { elements, files = {}, choice = {}, changes = {} } = given;
  const plain = Object.entries(files).map(([name, text]) => [name.replace(/!$/, ''), text] as const);
  const directory = directoryWith({ 'config.xml': imageOf(...elements), ...Object.fromEntries(plain) });
  for (const name of Object.keys(files))
    if (name.endsWith('!')) chmodSync(join(directory, name.slice(0, -1)), 0o755);
  const source = await readKiwi({ directory });
  const chosen = { profiles: [], type: undefined, architecture: 'x86_64', ...choice };
  return resolveChanged(source, chosen, { ...noChanges, ...changes }, () => {});
}

export async function built(given: Given, options: Partial<KiwiPlanOptions> = {}): Promise<Plan & Planned> {
  return planned(given, options, planBuild);
}

export async function rebuilt(given: Given, options: Partial<KiwiPlanOptions> = {}): Promise<Plan & Planned> {
  return planned(given, options, planRebuild);
}

async function planned(given: Given, options: Partial<KiwiPlanOptions>, plan: typeof planBuild) {
  const description = await describedIn(given);
  const warnings: string[] = [];
  const made = plan(description, {
    stack: onStash,
    platform: { os: 'linux', architecture: 'amd64' },
    environment: {},
    packages: noPackageChoice,
    keepsTree: true,
    warn: text => warnings.push(text),
    ...options,
  });
  return { ...made, directory: description.directory, warnings };
}

export function imageCalled({ images }: Plan, name: string): ImagePlan {
  const image = images.find(image => image.name === name);
  if (!image) throw new Error(`no image is called ${name}: ${images.map(({ name }) => name).join(', ')}`);
  return image;
}

/** The steps by what they are for. */
export function stepNames(steps: readonly Step[]): readonly string[] {
  return steps.map(step => (step.kind === 'apply' ? step.kind : step.createdBy.replace(/^kiwi /, '')));
}

export function stepCalled<K extends Step['kind']>(
  steps: readonly Step[],
  kind: K,
  name: string,
): Extract<Step, { kind: K }> {
  const found = steps.find(
    (step): step is Extract<Step, { kind: K }> =>
      step.kind === kind && step.kind !== 'apply' && step.createdBy === `kiwi ${name}`,
  );
  if (!found) throw new Error(`no ${kind} step is called ${name}: ${stepNames(steps).join(', ')}`);
  return found;
}
