/** Layers in other forms: tar layers as file systems, made once and remembered. */
import { convertLayer, type FileSystemLayer, type ParentDirectory } from '../../layers/index.ts';
import { type Descriptor, type Digest, parseDigest } from '../../oci/index.ts';
import { type LookContext, once, say } from '../context.ts';
import { canonical, keyOf } from '../keys/keys.ts';
import { toPlain } from '../steps/plain-parents.ts';
import type { LayerRecord, LayerType, TarLayer } from '../values.ts';
import { directoriesBelow } from './below.ts';
import { tarForm } from './tar-form.ts';
import { squashfsTool, type WritingTool, writingTool } from './tools.ts';
import { rootHashAnnotations } from './verity.ts';

/** A layer in another form, and whether it was there already. */
export interface Formed {
  readonly layer: LayerRecord;
  readonly known: boolean;
}

/**
 * A layer in the form of a type: as it is where it has that form. `lower` are the layers that it lies on, `image` the
 * one that it is for; `onMiss` is called before something is converted.
 */
export async function inForm(
  layer: LayerRecord,
  type: LayerType,
  lower: readonly LayerRecord[],
  image: string,
  onMiss: () => void,
  context: LookContext,
): Promise<Formed> {
  if (layer.format.kind === type) return { layer, known: true };
  if (type === 'tar')
    return { layer: await tarForm(layer, context, context.options.compression), known: true };
  const tar = await tarForm(layer, context);
  const tool = await writingTool(type, context);
  const below = await directoriesBelow(layer, lower, context);
  const key = keyOfForm(tar.diffId, tool, below, context);
  return once(context, `form ${key}`, async () => {
    const { store, options } = context;
    const known = options.noCache
      ? undefined
      : (store.database.recall('images', key) as Descriptor | undefined);
    if (known && (await store.hasBlob(known))) return { layer: formedLayer(known, tool), known: true };
    if (known) {
      say(context, image, 'info', `missing build for layer type ${type}`);
      say(context, image, 'info', `couldn't find ${image}, pruning it from the cache`);
    }
    onMiss();
    const descriptor = await convert(tar, tool, below, image, context);
    store.database.remember('images', key, descriptor);
    return { layer: formedLayer(descriptor, tool), known: false };
  });
}

/**
 * Keeps a file system that was made in the pass that packed a layer, for `inForm`: it says nothing of layers below.
 * `file` is its file.
 */
export async function keepForm(
  diffId: Digest,
  made: FileSystemLayer,
  file: string,
  image: string,
  context: LookContext,
): Promise<void> {
  const tool = await squashfsTool(context);
  const key = keyOfForm(diffId, tool, [], context);
  await once(context, `form ${key}`, async () => {
    const descriptor = await place(made, tool, file, image, context);
    context.store.database.remember('images', key, descriptor);
    return { layer: formedLayer(descriptor, tool), known: false };
  });
}

function keyOfForm(
  diffId: Digest,
  tool: WritingTool,
  below: readonly ParentDirectory[],
  { options }: LookContext,
): string {
  return keyOf('form', [
    ['layer', diffId],
    ['tool', canonical(tool)],
    ['verity', String(options.forms.verity)],
    ['below', canonical(below.map(toPlain))],
  ]);
}

function formedLayer(
  descriptor: Descriptor,
  { type, compression: { compressor } }: WritingTool,
): LayerRecord {
  return {
    diffId: descriptor.digest,
    descriptor,
    format: { kind: type, compression: compressor, verityInType: false },
    fetch: async () => {},
  };
}

async function convert(
  tar: TarLayer,
  tool: WritingTool,
  below: readonly ParentDirectory[],
  image: string,
  context: LookContext,
): Promise<Descriptor> {
  const { store, signal } = context;
  signal.throwIfAborted();
  await tar.fetch();
  const output = store.temporaryPath('layer');
  const made = await write(tar, tool, below, output, image, context);
  return place(made, tool, output, image, context);
}

async function place(
  made: FileSystemLayer,
  tool: WritingTool,
  file: string,
  image: string,
  context: LookContext,
): Promise<Descriptor> {
  for (const text of made.warnings) say(context, image, 'warning', text);
  const digest = parseDigest(made.digest);
  await context.store.placeBlob(digest, file);
  const mediaType = `application/vnd.stacker.image.layer.${tool.type}+${tool.compression.compressor}`;
  return { mediaType, digest, size: made.size, ...rootHashAnnotations(made.rootHash) };
}

function write(
  { diffId, descriptor, format: { compression } }: TarLayer,
  tool: WritingTool,
  below: readonly ParentDirectory[],
  output: string,
  image: string,
  { store, workshop, signal, options, emit }: LookContext,
): Promise<FileSystemLayer> {
  const { verity } = options.forms;
  const layer = { diffId, blob: store.blobPath(descriptor.digest), compression };
  switch (tool.type) {
    case 'squashfs': {
      // Of a layer that was packed here, the blob's digest tells enough.
      const isOurs = store.database.layer(diffId, compression)?.digest === descriptor.digest;
      const from = isOurs ? { ...layer, diffId: undefined } : layer;
      return convertLayer({ ...from, below, into: tool.compression, verity, output, signal });
    }
    case 'erofs': {
      const onWarning = (text: string) => emit({ kind: 'message', image, level: 'warning', text });
      const request = { layer, below, compression: tool.compression, verity, output };
      return workshop.call('makeErofs', request, { signal, onWarning });
    }
  }
}
