/** Directories out of images, without unpacking the images. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import {
  type ByteString,
  type ContentsEntry,
  fromText,
  isText,
  mergeContents,
  prepareLayerWorker,
  toText,
} from '../../layers/index.ts';
import { openImage, parseReference } from '../../oci/index.ts';
import type { ImageBase } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { looking } from '../keys/looking.ts';
import { contentsOf, extractFiles } from '../layer-contents.ts';
import { layersOf } from '../sources/bases.ts';
import type { LayerRecord } from '../values.ts';

/** Bytes and entries of a directory that is taken out of an image: descriptions are far smaller. */
const MOST_BYTES = 4 * 1024 ** 3;
const MOST_ENTRIES = 100_000;

/**
 * Calls `use` with a directory of this machine that holds what a directory of an image holds: files, directories, and
 * links that stay in it; owners and times are not kept. It is removed afterwards. `undefined` where the image has no
 * such directory.
 * @param path Absolute in the image; links on the way are not followed.
 */
export function withDirectoryOf<T>(
  image: Pick<ImageBase, 'reference' | 'insecure'>,
  path: string,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
  use: (directory: string | undefined) => Promise<T>,
): Promise<T> {
  prepareLayerWorker();
  return looking(options, emit, signal, async context => {
    const opened = await openImage(parseReference(image.reference), { insecure: image.insecure, signal });
    const layers = layersOf(opened, opened, image.reference, context);
    const directory = mkdtempSync(join(tmpdir(), 'ashlar-directory-'));
    try {
      const found = await takeDirectory(layers, path, directory, context);
      return await use(found ? join(directory, 'content') : undefined);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

interface Taken {
  /** Relative to the directory. */
  readonly path: ByteString;
  readonly entry: ContentsEntry;
  readonly layer: LayerRecord;
}

/** Writes the directory `path` of the image to `<directory>/content`; false where there is none. */
async function takeDirectory(
  layers: readonly LayerRecord[],
  path: string,
  directory: string,
  context: LookContext,
): Promise<boolean> {
  const taken = entriesBelow(await mergedTree(layers, context), layers, canonical(path));
  if (!taken) return false;
  checkSize(taken, path);
  const files = taken.filter(({ entry }) => entry.type === 'file' && entry.size > 0);
  const contents = join(directory, 'files');
  mkdirSync(contents);
  for (const [layer, wanted] of Map.groupBy(files, file => file.layer))
    await extractEach(layer, wanted, path, contents, context);
  mkdirSync(join(directory, 'content'));
  for (const one of taken) put(one, contents, join(directory, 'content'));
  return true;
}

/** As the contents of layers have it. */
function canonical(path: string): ByteString {
  return fromText(posix.normalize(path).replace(/^\/+|\/+$/g, ''));
}

/** What all layers together show. */
async function mergedTree(layers: readonly LayerRecord[], context: LookContext) {
  return mergeContents(await Promise.all(layers.map(layer => contentsOf(layer, context))));
}

/** Directories before what they hold. */
function entriesBelow(
  merged: Awaited<ReturnType<typeof mergedTree>>,
  layers: readonly LayerRecord[],
  top: ByteString,
): readonly Taken[] | undefined {
  if (merged.get(top)?.entry.type !== 'directory') return undefined;
  return [...merged].flatMap(([path, { entry, layer: place }]) => {
    const layer = layers[place];
    const inside = path.startsWith(`${top}/`);
    return layer && inside && isText(path) ? [{ path: path.slice(top.length + 1), entry, layer }] : [];
  });
}

function checkSize(taken: readonly Taken[], path: string): void {
  const bytes = taken.reduce((sum, { entry }) => sum + entry.size, 0);
  if (bytes > MOST_BYTES || taken.length > MOST_ENTRIES)
    throw new AshlarError(`${path} of the image is too large to be taken out`);
}

async function extractEach(
  layer: LayerRecord,
  files: readonly Taken[],
  top: string,
  directory: string,
  context: LookContext,
): Promise<void> {
  const prefix = canonical(top);
  const paths = new Set(files.map(({ path, entry }) => entry.linkedTo ?? `${prefix}/${path}`));
  await extractFiles(layer, [...paths], directory, context);
}

/** No name of an image leads out of the directory: contents know no `..`, and links that lead out are not made. */
function put({ path, entry }: Taken, files: string, directory: string): void {
  const target = join(directory, toText(path));
  switch (entry.type) {
    case 'directory':
      mkdirSync(target, { recursive: true });
      return;
    case 'file':
      if (entry.size === 0) writeFileSync(target, '');
      else copyFileSync(join(files, entry.sha256), target);
      chmodSync(target, (entry.mode & 0o111) === 0 ? 0o644 : 0o755);
      return;
    case 'symlink':
      if (staysInside(dirname(toText(path)), toText(entry.link))) symlinkSync(toText(entry.link), target);
      return;
    default:
  }
}

/** Steps up count only at the beginning: behind a link nobody knows where they lead. */
function staysInside(directory: string, link: string): boolean {
  if (posix.isAbsolute(link)) return false;
  const steps = link.split('/').filter(step => step !== '' && step !== '.');
  const up = steps.findIndex(step => step !== '..');
  const rest = up < 0 ? [] : steps.slice(up);
  const depth = directory === '.' ? 0 : directory.split('/').length;
  return steps.length - rest.length <= depth && !rest.includes('..');
}
