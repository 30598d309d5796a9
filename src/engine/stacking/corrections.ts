/** The layer on top of others that holds what they do not give by themselves. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ByteString,
  fromText,
  type NewEntry,
  type PackedLayer,
  type PackOptions,
} from '../../layers/index.ts';
import type { Correction } from '../../stacking/index.ts';
import type { LookContext } from '../context.ts';
import { contentsOf, extractFiles } from '../layer-contents.ts';
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
  using extra = await entriesFor(corrections, layers, step.context);
  return await packHere({ kind: 'entries', entries: extra.entries }, pack, step);
}

/** Entries of a layer; the files that they are to be packed from are removed with it. */
export interface CorrectionEntries extends Disposable {
  readonly entries: readonly NewEntry[];
}

/** The corrections as entries of a layer. `layers` are those that files are taken from: files of any size. */
export async function entriesFor(
  corrections: readonly Correction[],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<CorrectionEntries> {
  const directory = context.store.temporaryPath('taken');
  using removal = new DisposableStack();
  removal.defer(() => rmSync(directory, { recursive: true, force: true }));
  const files = await extractTaken(corrections, layers, directory, context);
  const entries = corrections.map(correction => newEntry(correction, files));
  const kept = removal.move();
  return { entries, [Symbol.dispose]: () => kept.dispose() };
}

function newEntry(correction: Correction, files: ReadonlyMap<Taken, string>): NewEntry {
  const path = canonical(correction);
  switch (correction.kind) {
    case 'removed':
      return { kind: 'removed', path };
    case 'made':
      return { kind: 'entry', path, entry: correction.entry, content: correction.content };
    case 'taken': {
      const content = files.get(correction);
      return { kind: 'entry', path, entry: correction.entry, ...(content && { content }) };
    }
  }
}

type Taken = Extract<Correction, { kind: 'taken' }>;

/** Files of ours with what is in those that are taken from layers; each layer is read once. */
async function extractTaken(
  corrections: readonly Correction[],
  layers: readonly LayerRecord[],
  directory: string,
  context: LookContext,
): Promise<ReadonlyMap<Taken, string>> {
  const taken = corrections.filter(
    correction =>
      correction.kind === 'taken' && correction.entry.type === 'file' && correction.entry.size > 0,
  ) as readonly Taken[];
  const files = new Map<Taken, string>();
  if (taken.length > 0) mkdirSync(directory);
  for (const [id, wanted] of Map.groupBy(taken, ({ layer }) => layer)) {
    const layer = layers.find(({ diffId }) => diffId === id);
    if (!layer) throw new Error(`a file is to be taken from ${id}, which is no layer of the stack`);
    const { entries } = await contentsOf(layer, context);
    const places = new Set<ByteString>();
    for (const correction of wanted) {
      const path = canonical(correction);
      // The content of a hard link is where its first name is.
      places.add(entries.get(path)?.linkedTo ?? path);
      files.set(correction, join(directory, correction.entry.sha256));
    }
    await extractFiles(layer, [...places], directory, context);
  }
  return files;
}

function canonical({ path }: Correction): ByteString {
  return fromText(path.slice(1));
}
