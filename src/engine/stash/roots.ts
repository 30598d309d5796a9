/** What is stashed: a directory, or an image in a layout or tar archive; what it is called, and how it differs from layers. */
import { existsSync, lstatSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  differenceOf,
  fromText,
  type MergedEntry,
  mergeContents,
  type NewEntry,
  type PackedLayer,
  type PackOptions,
  packLayer,
  toText,
} from '../../layers/index.ts';
import { openImage, openLayout, type Platform } from '../../oci/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { type LookContext, say } from '../context.ts';
import type { DescriptionFile, DoubtfulOwners } from '../inside/requests.ts';
import { contentsOf, extractFiles, filesOf, tarWithContents } from '../layer-contents.ts';
import { keepLayer } from '../layer-records.ts';
import { layersOf } from '../sources/bases.ts';
import type { LayerRecord } from '../values.ts';

/** Directories whose content belongs to the machine that is running, and not to the tree. */
const WITHOUT_CONTENT = ['/dev', '/proc', '/sys', '/run'];

export interface Root {
  /** What its programs run on, where that is known. */
  readonly platform?: Platform;
  /** The description that the tree was built from. */
  readonly description: () => Promise<DescriptionFile | undefined>;
  /** The one layer that makes the tree of these ones; undefined where they give it already. */
  readonly packDifference: (
    below: readonly LayerRecord[],
    pack: PackOptions,
    name: string,
  ) => Promise<PackedLayer | undefined>;
}

/**
 * The tree at a path: a directory, a tar archive, or an OCI layout with one image.
 * @throws AshlarError
 */
export async function openRoot(path: string, context: LookContext): Promise<Root> {
  const absolute = resolve(path);
  const status = statusOf(absolute);
  if (status.isDirectory())
    return isLayout(absolute) ? layoutRoot(absolute, context) : directoryRoot(absolute, context);
  if (status.isFile()) return archiveRoot(absolute, context);
  throw new AshlarError(`${path} is neither a directory nor a tar archive`);
}

function statusOf(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR')
      throw new AshlarError(`there is no ${path}`, {
        hint: '--root takes a directory, a tar archive, or an OCI layout: <target>/build/image-root of a build',
      });
    throw new AshlarError(`cannot look at ${path}`, { cause });
  }
}

function isLayout(path: string): boolean {
  return ['oci-layout', 'index.json', 'blobs'].every(name => existsSync(join(path, name)));
}

function directoryRoot(directory: string, context: LookContext): Root {
  const { workshop, signal, store } = context;
  return {
    description: () => workshop.call('readDescription', directory, { signal }),
    packDifference: async (below, pack, name) => {
      const contents = await Promise.all(
        below.map(async layer => (await tarWithContents(layer, context)).contents),
      );
      const { layer, doubtful } = await workshop
        .call(
          'treeDifference',
          {
            directory,
            below: contents,
            withoutContentOf: WITHOUT_CONTENT,
            index: join(store.path, 'index.db'),
            pack,
          },
          {
            signal,
            onPacking: bytes => context.emit({ kind: 'packing', image: name, bytes }),
            onWarning: text => say(context, name, 'warning', text),
          },
        )
        .catch(error => Promise.reject(explained(error)));
      checkOwners(directory, doubtful);
      return layer;
    },
  };
}

const FOREIGN_HINT =
  'stash a tar archive of the tree (tar --xattrs --acls --numeric-owner -cf), or stash it as root';

/** What a plain user may not read belongs to somebody who has no id in our namespaces. */
function explained(error: unknown): unknown {
  const refused = ['EACCES', 'EPERM'].includes(codeOf(error) ?? '');
  return refused && error instanceof AshlarError && process.getuid?.() !== 0
    ? new AshlarError(error.message, { hint: FOREIGN_HINT, cause: error })
    : error;
}

/** Files of users who have no id in our namespaces would become those of nobody. */
function checkOwners(directory: string, doubtful: DoubtfulOwners): void {
  if (process.getuid?.() === 0) return;
  for (const kind of ['uid', 'gid'] as const) {
    const { paths, id } = doubtful[kind];
    const foreign = paths.find(
      path => id === undefined || (ownerOf(join(directory, path))?.[kind] ?? id) !== id,
    );
    if (foreign === undefined) continue;
    const who = kind === 'uid' ? 'user' : 'group';
    throw new AshlarError(
      `/${foreign} of the tree belongs to a ${who} who does not exist for who stashes it`,
      {
        hint: FOREIGN_HINT,
      },
    );
  }
}

/** Undefined in directories that only their owners can look into, who then do exist. */
function ownerOf(path: string): { readonly uid: number; readonly gid: number } | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

async function layoutRoot(path: string, context: LookContext): Promise<Root> {
  const { manifests } = await (await openLayout(path)).index();
  const [only] = manifests;
  if (!only || manifests.length > 1)
    throw new AshlarError(`the OCI layout ${path} has ${manifests.length} images`, {
      hint: 'a layout with one image can be stashed',
    });
  const { digest } = only;
  const opened = await openImage({ transport: 'oci', path, digest }, { signal: context.signal });
  const { os, architecture, variant } = opened.config;
  const platform = { os, architecture, ...(variant !== undefined && { variant }) };
  return { ...imageRoot(layersOf(opened, opened, path, context), context), platform };
}

async function archiveRoot(path: string, context: LookContext): Promise<Root> {
  const { store, signal } = context;
  const output = store.temporaryPath('layer');
  const packed = await packLayer({ kind: 'tar', path }, { compression: 'none', output, signal });
  if (!packed) throw new AshlarError(`${path} holds nothing`);
  return imageRoot([await keepLayer(packed, output, 'none', context)], context);
}

function imageRoot(layers: readonly LayerRecord[], context: LookContext): Root {
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
