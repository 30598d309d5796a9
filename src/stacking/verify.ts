/** Proves that an image is what its parts give by the rules: decides again, and compares path by path. */
import { type ByteString, type ContentsEntry, toText } from '../layers/index.ts';
import { AshlarError } from '../support/errors.ts';
import { reachDecision } from './decide.ts';
import type { LayerFiles } from './decision.ts';
import { octal, substance } from './entries.ts';
import type { Merger } from './merger.ts';
import { type PartTree, voicesAt } from './opinions.ts';
import { pileOf } from './order.ts';
import { highestAbove } from './paths.ts';
import { isDirectory, type State } from './pile.ts';
import { readLayers, treeOf } from './reading.ts';
import type { StackRecord } from './record.ts';
import type { StackLayer } from './types.ts';
import { ABSENT, isEnd, isGranted, type Want, wantOf } from './wants.ts';

export interface StackProof {
  readonly proven: boolean;
  /** Paths where the image is not what the parts, rules and mergers give. */
  readonly differences: readonly { readonly path: string; readonly text: string }[];
  /** How many layers of the image are layers of its parts. What the parts are called, only the record says. */
  readonly layersShared: number;
  /** How many layers of the image lie above the stack: nothing is proven of them. */
  readonly layersAbove: number;
  /** Bytes of the blobs of those layers, as far as sizes are known: they are neither stored nor sent again. */
  readonly bytesSaved: number;
  /** Absolute, sorted. */
  readonly mergedFiles: readonly string[];
  /** Absolute: what programs of the image have made, which only they can tell to be right. */
  readonly regeneratedFiles: readonly string[];
}

export interface SizedLayer extends StackLayer {
  /** Bytes of its blob. */
  readonly size?: number;
}

/**
 * Decides again from the layers of an image (all of them, bottom to top) and compares path by path. Layers above the
 * stack are left alone. Throws an AshlarError when the image does not have the layers of the record.
 */
export async function verifyStack(
  record: StackRecord,
  layers: readonly SizedLayer[],
  mergers: readonly Merger[],
  files: LayerFiles,
): Promise<StackProof> {
  const parts = record.parts.map(({ name, layers: places }) => ({
    name,
    layers: places.map(place => layerAt(layers, place)),
  }));
  const shared = new Set(record.parts.flatMap(part => part.layers)).size;
  const own = [record.extra, record.regenerated].filter(place => place !== undefined);
  for (const place of own) layerAt(layers, place);
  const stack = layers.slice(0, shared + own.length);

  const { decision, wants } = await reachDecision(parts, record.rules, mergers, files);
  const views = await readLayers(stack);
  const trees = parts.map(part => treeOf(part, views));
  const result = pileOf(
    stack.map(({ id }) => id),
    views,
  );
  const remade = record.regenerated === undefined ? [] : decision.regenerate.flatMap(({ makes }) => makes);
  const paths = new Set([...views.values()].flatMap(view => [...view.paths()]));
  const endAbove = highestAbove(path => isEnd(wants.get(path)));
  const differences = [];
  for (const path of [...paths].toSorted()) {
    const text = `/${toText(path)}`;
    const wanted = endAbove(path) === undefined ? wantedAt(path, wants, trees) : ABSENT;
    const found = result.state(path);
    if (isGranted(wanted, found) || remade.includes(text)) continue;
    differences.push({ path: text, text: `${said(wanted)} wanted, ${saidOf(found)} found` });
  }
  return {
    proven: differences.length === 0,
    differences,
    layersShared: shared,
    layersAbove: layers.length - stack.length,
    bytesSaved: layers.slice(0, shared).reduce((sum, { size = 0 }) => sum + size, 0),
    mergedFiles: decision.merged.flatMap(merge => merge.paths).toSorted(),
    regeneratedFiles: remade,
  };
}

function layerAt(layers: readonly SizedLayer[], place: number): SizedLayer {
  const layer = layers[place];
  if (layer) return layer;
  throw new AshlarError(
    `the record of the stack speaks of ${place + 1} layers, but the image has ${layers.length}`,
  );
}

/** Where nothing had to be decided, all that have an opinion about a path have the same one. */
function wantedAt(path: ByteString, wants: ReadonlyMap<ByteString, Want>, parts: readonly PartTree[]): Want {
  const want = wants.get(path);
  if (want) return want;
  const states = voicesAt(path, parts).own.map(({ state }) => state);
  const explicit = states.findLast(state => !(isDirectory(state) && state.implied));
  return wantOf(explicit ?? states.at(-1) ?? { kind: 'unsaid' });
}

function said(want: Want): string {
  return want.kind === 'absent' ? 'nothing' : described(want.entry);
}

function saidOf(state: State): string {
  return state.kind === 'present' ? described(state.entry) : 'nothing';
}

function described(entry: ContentsEntry): string {
  return `${substance(entry)} ${octal(entry.mode)} ${entry.uid}:${entry.gid}`;
}
