/** The layer on top of others that holds what they do not give by themselves. */
import {
  type ByteString,
  fromText,
  type NewEntry,
  type PackedLayer,
  type PackOptions,
} from '../../layers/index.ts';
import type { Correction } from '../../stacking/index.ts';
import type { LookContext } from '../context.ts';
import { contentsOf, filesOf } from '../layer-contents.ts';
import { packHere, type StepContext } from '../steps/steps.ts';
import type { LayerRecord } from '../values.ts';

/** Undefined when there is nothing to correct. `layers` are those that files are taken from. */
export async function packCorrections(
  corrections: readonly Correction[],
  layers: readonly LayerRecord[],
  pack: PackOptions,
  step: StepContext,
): Promise<PackedLayer | undefined> {
  if (corrections.length === 0) return undefined;
  const entries = await entriesFor(corrections, layers, step.context);
  return packHere({ kind: 'entries', entries }, pack, step);
}

/** The corrections as entries of a layer. `layers` are those that files are taken from. */
export async function entriesFor(
  corrections: readonly Correction[],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<readonly NewEntry[]> {
  const contents = await contentsOfTaken(corrections, layers, context);
  return corrections.map(correction => newEntry(correction, contents));
}

function newEntry(correction: Correction, taken: ReadonlyMap<Taken, Uint8Array>): NewEntry {
  const path = canonical(correction);
  switch (correction.kind) {
    case 'removed':
      return { kind: 'removed', path };
    case 'made':
      return { kind: 'entry', path, entry: correction.entry, content: correction.content };
    case 'taken': {
      const content = taken.get(correction);
      return { kind: 'entry', path, entry: correction.entry, ...(content && { content }) };
    }
  }
}

type Taken = Extract<Correction, { kind: 'taken' }>;

/** What is in the files that are taken from layers; each layer is read once. */
async function contentsOfTaken(
  corrections: readonly Correction[],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<ReadonlyMap<Taken, Uint8Array>> {
  const taken = corrections.flatMap(correction =>
    correction.kind === 'taken' && correction.entry.type === 'file' && correction.entry.size > 0
      ? [correction]
      : [],
  );
  const found = new Map<Taken, Uint8Array>();
  for (const [id, wanted] of Map.groupBy(taken, ({ layer }) => layer)) {
    const layer = layers.find(({ diffId }) => diffId === id);
    if (!layer) throw new Error(`a file is to be taken from ${id}, which is no layer of the stack`);
    const { entries } = await contentsOf(layer, context);
    // The content of a hard link is where its first name is.
    const places = wanted.map(correction => {
      const path = canonical(correction);
      return { correction, place: entries.get(path)?.linkedTo ?? path };
    });
    const files = await filesOf([layer], context).read(id, [...new Set(places.map(({ place }) => place))]);
    for (const { correction, place } of places) {
      const content = files.get(place);
      if (!content) throw new Error(`${correction.path} could not be taken from ${id}`);
      found.set(correction, content);
    }
  }
  return found;
}

function canonical({ path }: Correction): ByteString {
  return fromText(path.slice(1));
}
