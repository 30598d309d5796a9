/** What the last build of each image of a project was made of: the next one can say what has changed since. */
import type { Platform } from '../../oci/index.ts';
import { nameOfText } from '../../plan/names.ts';
import type { ConfigStep, ImageBase, Step } from '../../plan/types.ts';
import type { LookContext } from '../context.ts';
import type { FileType } from '../sources/identity.ts';
import type { LayerRecord } from '../values.ts';
import type { KeyPart } from './keys.ts';

export interface ImageHistory {
  readonly facts: ImageFacts;
  readonly steps: readonly StepHistory[];
  /** How layers of steps were put together, where they were. */
  readonly squash?: readonly KeyPart[];
  /** What the labels were made of, where a script makes some. */
  readonly labels?: readonly KeyPart[];
  /** What the config was made of, layers not counted. */
  readonly config: readonly KeyPart[];
  /** From the bottom to the top. */
  readonly layers: readonly RememberedLayer[];
  /** The images from elsewhere whose layers it has. */
  readonly origins: readonly Origin[];
}

export interface Origin {
  readonly base: ImageBase;
  readonly platform: Platform;
}

export type RememberedLayer = Pick<LayerRecord, 'diffId' | 'descriptor' | 'format'>;

/** What an image is made of, as its description has it. */
export interface ImageFacts {
  /** A hash of what the description says, places and comments not counted. */
  readonly definition: string;
  readonly base: BaseFact;
  readonly epoch: string;
  /** Imports and copied directories, in the order of the description. */
  readonly sources: readonly SourceFact[];
}

export interface BaseFact {
  readonly name: string;
  readonly identity: string;
  /** Of a stack: what it is made of, and by which rules. */
  readonly parts?: readonly BaseFact[];
  readonly rules?: readonly KeyPart[];
}

export interface SourceFact {
  readonly role: 'import' | 'overlay_dir';
  /** The path or address. */
  readonly path: string;
  /** Under which an import appears. */
  readonly name: string;
  readonly type: FileType;
  readonly identity: string;
}

export interface StepHistory {
  readonly kind: Step['kind'];
  /** Tells the steps of one kind apart: where a copy goes, which image is applied, as the description has it. */
  readonly name: string;
  readonly key: string;
  readonly parts: readonly KeyPart[];
}

/** Undefined for an image that was never built in this project. */
export function recallHistory(image: string, { store, options }: LookContext): ImageHistory | undefined {
  const record = store.database.history(options.output, image);
  return record === undefined ? undefined : (JSON.parse(record) as ImageHistory);
}

export function rememberHistory(image: string, history: ImageHistory, { store, options }: LookContext): void {
  const record = JSON.stringify(history);
  // Most builds find everything as it was, and reading is cheaper than writing.
  if (store.database.history(options.output, image) !== record)
    store.database.addHistory(options.output, image, record);
}

export function nameOfStep(step: Step): string {
  switch (step.kind) {
    case 'apply':
      return step.image.reference;
    case 'copy':
      return step.items.map(({ target }) => nameOfText(target)).join(', ');
    case 'config':
      return partsOfConfig(step).join(', ');
    case 'exec':
    case 'packages':
    case 'run':
    case 'setup':
      return '';
  }
}

/** What a step says something about: values may change, and it is the same step. */
function partsOfConfig({ change, buildArguments }: ConfigStep): readonly string[] {
  const said = Object.entries({ ...change, buildArguments }).filter(
    ([, value]) => value !== undefined && (value === null || Object.keys(value).length > 0),
  );
  return said.map(([name]) => WORDS[name] ?? name);
}

const WORDS: Readonly<Record<string, string>> = {
  buildArguments: 'build arguments',
  defaultEnvironment: 'default environment',
  workingDir: 'working directory',
};
