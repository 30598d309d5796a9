/** Images that become stashes: compared by what is known of their layers, without unpacking them. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  differenceOf,
  fromText,
  type MergedEntry,
  mergeContents,
  type NewEntry,
  packLayer,
  toText,
} from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { LookContext } from '../context.ts';
import type { DescriptionFile } from '../inside/requests.ts';
import { contentsOf, extractFiles, filesOf } from '../layer-contents.ts';
import type { LayerRecord } from '../values.ts';
import { type Root, WITHOUT_CONTENT } from './root.ts';

export function imageRoot(layers: readonly LayerRecord[], context: LookContext): Root {
  const merged = async (some: readonly LayerRecord[]) =>
    mergeContents(await Promise.all(some.map(layer => contentsOf(layer, context))));
  return {
    description: async () => descriptionIn(layers, await merged(layers), context),
    packDifference: async (below, pack, name) => {
      const tree = await merged(layers);
      const visible = new Map([...tree].filter(([path]) => !isLeftOut(path)));
      const entries = differenceOf(visible, await merged(below), isLeftOut);
      if (entries.length === 0) return undefined;
      const directory = context.store.temporaryPath('taken');
      await mkdir(directory);
      try {
        const filled = await withContents(entries, tree, layers, directory, context);
        const onProgress = (bytes: number) => context.emit({ kind: 'packing', image: name, bytes });
        return await packLayer(
          { kind: 'entries', entries: filled },
          { ...pack, signal: context.signal, onProgress },
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  };
}

function isLeftOut(path: string): boolean {
  return WITHOUT_CONTENT.some(above => `/${path}`.startsWith(`${above}/`));
}

/** The entries with what is in their files, taken from the layers into the directory. */
async function withContents(
  entries: readonly NewEntry[],
  tree: ReadonlyMap<string, MergedEntry>,
  layers: readonly LayerRecord[],
  directory: string,
  context: LookContext,
): Promise<readonly NewEntry[]> {
  const files = entries.flatMap(({ kind, path }) => {
    const found = kind === 'entry' ? tree.get(path) : undefined;
    return found?.entry.type === 'file' && found.entry.size > 0 ? [{ path, ...found }] : [];
  });
  for (const [place, wanted] of Map.groupBy(files, ({ layer }) => layer)) {
    const layer = layers[place];
    if (!layer) throw new Error(`there is no layer ${place}`);
    const paths = new Set(wanted.map(({ path, entry }) => entry.linkedTo ?? path));
    await extractFiles(layer, [...paths], directory, context);
  }
  const contents = new Map(files.map(({ path, entry }) => [path, join(directory, entry.sha256)]));
  return entries.map(entry => {
    const content = contents.get(entry.path);
    return entry.kind === 'entry' && content !== undefined ? { ...entry, content } : entry;
  });
}

/** Bytes of a description. */
const LONGEST_DESCRIPTION = 4 << 20;

async function descriptionIn(
  layers: readonly LayerRecord[],
  tree: ReadonlyMap<string, MergedEntry>,
  context: LookContext,
): Promise<DescriptionFile | undefined> {
  const candidates = [...tree.keys()].filter(path => /^image\/[^/]+\.kiwi$/.test(path));
  for (const path of [fromText('image/config.xml'), ...candidates]) {
    const found = tree.get(path);
    const layer = found && layers[found.layer];
    if (!layer || found.entry.type !== 'file') continue;
    const file = `/${toText(path)}`;
    if (found.entry.size > LONGEST_DESCRIPTION) throw new AshlarError(`${file} of the tree is too large`);
    const read = await filesOf(layers, context).read(layer.diffId, [found.entry.linkedTo ?? path]);
    const [bytes] = read.values();
    if (bytes) return { file, bytes };
  }
  return undefined;
}
