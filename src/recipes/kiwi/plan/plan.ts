/**
 * A description as a Plan. The system is one image; what only its result sees happens to a second one on top of it, of
 * which the files are made. So a result is made again without changing the system.
 */
import type { Base, ImagePlan, Plan, Step, Surroundings } from '../../../plan/types.ts';
import type { KiwiDescription } from '../model.ts';
import { containerConfig, createdBy, derivedBase, noConfig } from './container.ts';
import { imagesScript, resultSteps } from './create.ts';
import { setupStep, shellFiles } from './files.ts';
import type { KiwiPlanOptions, Part } from './options.ts';
import { treeOutput, typeOutputs } from './outputs.ts';
import { prepareSteps, removedDescription } from './prepare.ts';
import { type Purpose, refuseUnsupported, warnOfLacks } from './refusals.ts';
import { IMAGE_DIRECTORY, inTree, surroundingsOf } from './scripts.ts';

/**
 * A new image of a description, on a stack of trees or on nothing.
 * @throws AshlarError for what cannot be built.
 */
export function planBuild(description: KiwiDescription, given: KiwiPlanOptions): Plan {
  const isStacked = given.stack.length > 0;
  const surroundings = begin(description, isStacked ? 'on a tree' : 'from nothing', given);
  const options = isStacked ? given : { ...given, stack: derivedBase(description) };
  const steps = [
    ...prepareSteps(description, options, surroundings),
    ...imagesScript(description, surroundings),
  ];
  return { images: imagesOf(description, stackOf(options.stack, description), steps, surroundings, options) };
}

/**
 * The image of a description that is in the tree, once more: no packages, no users, no network.
 * @throws AshlarError for what cannot be built.
 */
export function planRebuild(given: KiwiDescription, options: KiwiPlanOptions): Plan {
  const description = inTree(given);
  const surroundings = begin(description, 'again', options);
  const last = options.stack.at(-1);
  const several = options.stack.length > 1 && last !== undefined;
  // Several trees have several descriptions: that of the last one is taken as a whole.
  const image = several
    ? plainImage(`${description.name} description`, last, description, options)
    : undefined;
  const own: readonly Step[] = image ? descriptionOf(image, description) : [];
  const shell = setupStep('functions for scripts', shellFiles(description), description.at);
  const steps = [...own, ...shell, ...imagesScript(description, surroundings)];
  const stack = image
    ? [...options.stack.slice(0, -1), { kind: 'built', image: image.name, at: image.at } as const]
    : options.stack;
  const images = imagesOf(description, stackOf(stack, description), steps, surroundings, options);
  return { images: image ? [image, ...images] : images };
}

function begin(description: KiwiDescription, purpose: Purpose, options: KiwiPlanOptions): Surroundings {
  for (const { text, at } of description.remarks) options.warn(text, at);
  refuseUnsupported(description, purpose);
  warnOfLacks(description, options);
  return surroundingsOf(description, options.environment);
}

function descriptionOf(image: ImagePlan, { at }: KiwiDescription): readonly Step[] {
  return [
    ...setupStep('base', removedDescription(), at),
    {
      kind: 'copy',
      items: [
        {
          source: { kind: 'image', image: image.name, path: IMAGE_DIRECTORY, at },
          target: IMAGE_DIRECTORY,
          keep: 'all',
          uid: 0,
          gid: 0,
          at,
        },
      ],
      createdBy: 'kiwi description',
      at,
    },
  ];
}

/** Annotation of the tree: the digests of what it was built on, the lowest first. */
const BUILT_ON = 'dev.ashlar.system.stack';

function annotationsOf({ stack }: KiwiPlanOptions): Readonly<Record<string, string>> {
  const digests = stack.flatMap(part => (part.kind === 'image' ? (part.reference.split('@')[1] ?? []) : []));
  return digests.length === 0 ? {} : { [BUILT_ON]: digests.join(' ') };
}

function stackOf(stack: readonly Part[], { at }: KiwiDescription): Base {
  const [first] = stack;
  if (!first) return { kind: 'scratch', at };
  if (stack.length === 1) return first;
  return {
    kind: 'stack',
    parts: stack,
    // As people stack trees: what they disagree about is said, and the upper one wins.
    conflicts: { policy: 'warn', paths: [] },
    libraryCache: 'regenerate',
    separate: true,
    createdBy: 'kiwi stack',
    at,
  };
}

function imagesOf(
  description: KiwiDescription,
  base: Base,
  steps: readonly Step[],
  surroundings: Surroundings,
  options: KiwiPlanOptions,
): readonly ImagePlan[] {
  const { name, at, type } = description;
  const common = plainImage(name, base, description, options);
  const tree = options.keepsTree ? [treeOutput(description)] : [];
  const annotations = annotationsOf(options);
  const system: ImagePlan = { ...common, steps, shell: surroundings, annotations, outputs: tree };
  const more = resultSteps(description, surroundings);
  const outputs = typeOutputs(description);
  const result = { ...common, name: `${name} result`, shell: surroundings, outputs };
  if (type.image !== 'docker' && type.image !== 'oci') {
    return [system, { ...result, base: { kind: 'built', image: name, at }, steps: more }];
  }
  // One layer on top of what it is built on, without what was only needed to make it.
  const all = [...steps, ...more];
  const by = createdBy(description);
  return [
    system,
    {
      ...result,
      steps: all,
      squash: { groups: [{ steps: all.length, createdBy: by }], without: [] },
      config: containerConfig(description),
      createdBy: by,
      after: [name],
    },
  ];
}

function plainImage(
  name: string,
  base: Base,
  { at }: KiwiDescription,
  { platform }: KiwiPlanOptions,
): ImagePlan {
  return {
    name,
    base,
    imports: [],
    steps: [],
    shell: { environment: { defaults: {}, passThrough: [], set: {} }, binds: [], importDirectories: [] },
    config: noConfig,
    annotations: {},
    platform,
    emit: false,
    after: [],
    createdBy: `kiwi ${name}`,
    reproducible: true,
    at,
  };
}
