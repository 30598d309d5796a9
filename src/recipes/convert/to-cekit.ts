/** The Plan of stacker files as CEKit descriptors. */
import { basename, dirname, extname, join } from 'node:path';
import { Document } from 'yaml';
import { builtBasesOf } from '../../plan/bases.ts';
import type { ImagePlan, Plan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { Note, ReadBase } from '../dockerfile/index.ts';
import { sourcesOf } from '../plan-remarks.ts';
import { CekitStage } from './cekit-stage.ts';
import { runOf } from './run-section.ts';

export interface PlanToCekitOptions {
  /** What the stacker file is called. */
  readonly stackerFile: string;
  /** Where the descriptor is to be, an absolute path: what it names is relative to that. */
  readonly output: string;
  /** The prefix of annotations that every layer has of itself. */
  readonly annotationsNamespace: string;
  readonly platform: ImagePlan['platform'];
  readonly readBase: ReadBase;
}

export interface Descriptors {
  /** Of the descriptors, the order of the layers. */
  readonly descriptors: readonly string[];
  /** All of them and the files of their modules. */
  readonly files: readonly WrittenFile[];
  readonly notes: readonly Note[];
}

export interface WrittenFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** Where modules are, beside the descriptor. */
const modulesDirectory = 'cekit-modules';

/**
 * A descriptor for each layer that is handed out, with the layers that it needs as stages before it. The image has the
 * same tree and config, as far as a descriptor can say it; the notes say what it cannot. How:
 *
 * - Imports with `dest` and `overlay_dirs` are artifacts; those out of other layers are image artifacts.
 * - `run` is a module. CEKit runs scripts as `sh -x` in the environment of the image, so that the script of the module
 *   only calls the one of `run`, by its own first line and with the variables of stacker, and imports without `dest`
 *   are artifacts of the module that it takes away again.
 * - Nothing can run on `scratch` there: a layer that does begins with a stage for its files.
 *
 * Throws AshlarError when no layer is handed out.
 */
export async function planToCekit(plan: Plan, options: PlanToCekitOptions): Promise<Descriptors> {
  const finals = plan.images.filter(({ emit }) => emit);
  if (finals.length === 0) {
    throw new AshlarError('no layer is handed out, all of them are build_only', { at: plan.images[0]?.at });
  }
  const taken = new Set(plan.images.map(({ name }) => name));
  const images = new Map(plan.images.map(image => [image.name, image]));
  const directory = dirname(options.output);
  const stages = new Map(
    plan.images.map(image => {
      const stage = new CekitStage(image, {
        directory,
        modulesDirectory,
        annotationsNamespace: options.annotationsNamespace,
        platform: options.platform,
        names: taken,
        fileStage: uniqueName(`${image.name}-files`, taken),
      });
      return [image.name, stage] as const;
    }),
  );
  const written: WrittenFile[] = [];
  const notes = new Set<Note>();
  for (const image of finals) {
    const needed = [...neededBy(image, images)].flatMap(name => stages.get(name) ?? []);
    const items = needed.flatMap(stage => stage.items());
    const { notes: ofRun, ...run } = await runOf(image, images, options.readBase);
    const noted = [...needed.flatMap(stage => stage.notes), ...ofRun];
    for (const note of noted) notes.add(note);
    const path = finals.length === 1 ? options.output : pathFor(image.name, options.output);
    const described = items.map((item, i) => (i === items.length - 1 ? { ...item, ...run } : item));
    written.push({ path, content: descriptorText(described, options.stackerFile, noted), mode: 0o644 });
  }
  const modules = [...stages.values()].flatMap(stage =>
    stage.files.map(({ path, ...file }) => ({ path: join(directory, path), ...file })),
  );
  return { descriptors: written.map(({ path }) => path), files: [...modules, ...written], notes: [...notes] };
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
  taken.add(name);
  return name;
}

/** Names of an image and of all that it is made from, each after what it needs. */
function neededBy(image: ImagePlan, images: ReadonlyMap<string, ImagePlan>, found = new Set<string>()) {
  if (found.has(image.name)) return found;
  for (const name of namesIn(image)) {
    const other = images.get(name);
    if (other) neededBy(other, images, found);
  }
  found.add(image.name);
  return found;
}

function namesIn(image: ImagePlan): readonly string[] {
  const sources = sourcesOf(image).filter(source => source.kind === 'image');
  return [...builtBasesOf(image), ...sources.map(source => source.image)];
}

/** `image.yaml` becomes `image-<name>.yaml`. */
function pathFor(name: string, output: string): string {
  const extension = extname(output);
  return join(dirname(output), `${basename(output, extension)}-${name}${extension}`);
}

function descriptorText(items: readonly object[], stackerFile: string, notes: readonly Note[]): string {
  const document = new Document(items.length === 1 ? items[0] : items, { version: '1.1' });
  const text = document.toString({ lineWidth: 0, directives: false, blockQuote: false });
  const comments = notes.map(({ text, at }) => `${basename(at.file)}:${at.line}: ${text}`);
  const lines = [`Converted from ${basename(stackerFile)}`, ...comments];
  return `${lines.map(line => `# ${line.replaceAll(/\s/g, ' ')}\n`).join('')}\n${text}`;
}
