/** The Plan of a descriptor as a stacker file. */
import { basename } from 'node:path';
import type { ImagePlan, Plan } from '../../plan/types.ts';
import {
  type BaseConfig,
  type Inherited,
  image as imageBase,
  type Layer,
  literal,
  type Note,
  nothing,
  onImage,
  type ReadBase,
  ShellWriter,
  writeStackerFile,
} from '../dockerfile/index.ts';
import { type CopiedFile, HostPaths } from './host-paths.ts';
import { LayerNames } from './layer-names.ts';
import { StackerImage } from './stacker-image.ts';

export interface PlanToStackerOptions {
  /** What the descriptor is called. */
  readonly descriptor: string;
  /** Where the stacker file is to be, an absolute path: what it names is relative to that. */
  readonly output: string;
  /** Whether what is at an absolute path may soon be gone. */
  readonly fleeting: (path: string) => boolean;
  readonly readBase: ReadBase;
}

export interface StackerFile {
  readonly text: string;
  /** What the stacker file needs beside it. */
  readonly copies: readonly CopiedFile[];
  readonly notes: readonly Note[];
}

/**
 * A stacker file whose last layer has the same tree and config as the target of the descriptor, as far as a stacker
 * file can say it; the notes say what it cannot. How:
 *
 * - Stages are layers, all but the last `build_only`, and so are images that artifacts are copied from.
 * - Artifacts are imports with the exact `dest`, directories are `overlay_dirs`: these keep all permissions.
 * - What the image does not keep (scripts of modules, artifacts in `/tmp`) is put into a layer of its own, from where
 *   the script of `run` takes it and removes it in the end.
 * - Scripts and packages are lines of `run`, with the environment, directory and user of the image.
 * - Build arguments are placeholders with their values as defaults; all other values are evaluated now.
 */
export async function planToStacker(plan: Plan, options: PlanToStackerOptions): Promise<StackerFile> {
  const paths = new HostPaths(options);
  const notes: Note[] = [];
  const placeholders = placeholdersOf(plan);
  const shell = new ShellWriter(placeholders);
  const names = new LayerNames();
  // The name of what is handed out is what people know.
  for (const image of plan.images.toSorted((a, b) => Number(b.emit) - Number(a.emit))) names.add(image.name);
  const done = new Map<string, StackerImage>();
  const layers: Layer[] = [];
  for (const image of plan.images) {
    const config = await baseConfig(image, options.readBase);
    const converted = new StackerImage(image, {
      inherited: inherit(image, config, done),
      names,
      shell,
      paths,
      note: note => notes.push(note),
    });
    if (image.base.kind === 'image' && config === undefined && image.steps.length > 0) {
      converted.note(`the environment of ${image.base.reference} is not known here`, image.base.at);
    }
    if (image.outputs) converted.note('the outputs are left out: add them by hand', image.at);
    layers.push(...converted.layers());
    done.set(image.name, converted);
  }
  const text = writeStackerFile(layers, {
    placeholders,
    ambiguous: new Set(argumentNames(plan)),
    comments: [`Converted from ${basename(options.descriptor)}`],
  });
  return { text, copies: paths.copies, notes };
}

async function baseConfig(
  { base, platform, steps }: ImagePlan,
  readBase: ReadBase,
): Promise<BaseConfig | undefined> {
  if (base.kind !== 'image' || steps.length === 0) return undefined;
  return await readBase(base.reference, platform, base.insecure);
}

function inherit(
  { base }: ImagePlan,
  config: BaseConfig | undefined,
  done: ReadonlyMap<string, StackerImage>,
): Inherited {
  switch (base.kind) {
    case 'built':
      return done.get(base.image)?.heritage() ?? nothing;
    case 'image': {
      const url = literal(base.reference);
      const inherited = config === undefined ? imageBase(url, {}) : onImage(url, config);
      return base.insecure ? { ...inherited, from: { type: 'docker', url, insecure: true } } : inherited;
    }
    case 'scratch':
      return nothing;
    default:
      throw new Error(`descriptors have no base of kind ${base.kind}`);
  }
}

function argumentNames({ images }: Plan): readonly string[] {
  const steps = images.flatMap(({ steps }) => steps.filter(step => step.kind === 'config'));
  return [...new Set(steps.flatMap(step => step.buildArguments.map(([name]) => name)))];
}

/** Finds dollars that would begin a placeholder: before `{{`, and before names that get a value in the build. */
function placeholdersOf(plan: Plan): RegExp {
  const names = [...argumentNames(plan).filter(name => /^\w+$/.test(name)), 'STACKER_\\w+'];
  return new RegExp(`\\$(?=\\{\\{|\\{?(?:${names.join('|')})(?!\\w))`, 'g');
}
