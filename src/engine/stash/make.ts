/** A tree becomes a stash, or another layer of one. */
import {
  type Annotations,
  createLayout,
  type Descriptor,
  type Digest,
  digestOf,
  hostPlatform,
  type ImageConfig,
  type Layout,
  mediaTypes,
  openImage,
  type Platform,
} from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { composeManifest, emptyConfig } from '../config.ts';
import { type BuildOptions, type LookContext, say } from '../context.ts';
import { addDocument } from '../documents.ts';
import type { EventSink } from '../events.ts';
import type { DescriptionFile } from '../inside/requests.ts';
import { looking } from '../keys/looking.ts';
import { keepLayer } from '../layer-records.ts';
import { layersOf } from '../sources/bases.ts';
import type { LayerRecord, TarLayer } from '../values.ts';
import { checkStashName, checkStashTag } from './names.ts';
import { openRoot } from './roots.ts';
import { DESCRIPTION, findStash, lockStash, newestOf, stashPath } from './stashes.ts';

/** What a description says of itself. */
export interface Described {
  readonly name: string;
  readonly version: string | undefined;
  /** `author <contact>`. */
  readonly author: string | undefined;
}

export interface StashTreeOrder {
  /** A directory, a tar archive, or an OCI layout with one image. */
  readonly root: string;
  /** The name of the description when absent. */
  readonly name?: string | undefined;
  readonly tag: string;
  /** A directory that keeps it instead of the store: nobody else is to know of it. */
  readonly home?: string;
  /** Reads a description. @throws AshlarError for what is none. */
  readonly describe: (text: string, file: string) => Described;
}

export interface StashedTree {
  readonly name: string;
  readonly tag: string;
  readonly digest: Digest;
  /** The layout that has it, and the name that it has there. */
  readonly layout: string;
  /** How many there are now. */
  readonly layers: number;
  /** The new one; undefined where the tree is what the stash was. */
  readonly added: { readonly entries: number; readonly size: number } | undefined;
  /** Whether it can be rebuilt by its own description. */
  readonly described: boolean;
}

const TEXT = 'KIWI - https://github.com/OSInside/kiwi';
const LABEL = 'io.osinside.kiwi';

/** The label that tells a stash of ours. */
const STASH_LABEL = 'dev.ashlar.stash';

/**
 * Makes a tree the newest state of a stash: one layer more than before, which holds what has changed, or the same
 * image where nothing has. Killed at any time, it leaves the stash as it was or as it is to be.
 * @throws AshlarError for names that no container can have, and for what cannot be read or changes meanwhile.
 */
export async function stashTree(
  order: StashTreeOrder,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<StashedTree> {
  if (order.name !== undefined) checkStashName(order.name);
  checkStashTag(order.tag);
  return looking(options, emit, signal, async context => {
    const root = await openRoot(order.root, context);
    const file = await root.description();
    const described = file && order.describe(Buffer.from(file.bytes).toString(), file.file);
    const name = nameOf(order, described, context);
    const { home = options.store } = order;
    using _lock = await lockStash(home, name, signal);
    const before = await openNewest(home, name, context);
    const output = context.store.temporaryPath('layer');
    const packed = await root.packDifference(before?.layers ?? [], packOptions(output, options), name);
    // Who did not ask for a stash is told nothing of it.
    if (packed && order.home === undefined)
      say(
        context,
        name,
        'info',
        before ? `Adding new layer on existing stash ${name}` : 'Creating initial layer',
      );
    const layer = packed && (await keepLayer(packed, output, 'gzip', context));
    const { platform = hostPlatform() } = root;
    const stash = { path: stashPath(home, name), tag: order.tag, file, described, platform };
    const manifest = await (before && !layer ? retag(before, stash) : write(before, layer, stash, context));
    return {
      name,
      tag: order.tag,
      digest: manifest.digest,
      layout: stash.path,
      layers: (before?.layers.length ?? 0) + (layer ? 1 : 0),
      added: packed && layer ? { entries: packed.entries, size: layer.descriptor.size } : undefined,
      described: described !== undefined,
    };
  });
}

interface Stash {
  readonly path: string;
  readonly tag: string;
  readonly file: DescriptionFile | undefined;
  readonly described: Described | undefined;
  readonly platform: Platform;
}

/** Names of descriptions may have capitals, those of containers may not. */
function nameOf(
  { name, root }: StashTreeOrder,
  described: Described | undefined,
  context: LookContext,
): string {
  if (name !== undefined) return name;
  if (!described)
    throw new AshlarError(`${root} holds no description in /image, so that the stash has no name`, {
      hint: '--container-name gives it one; it can then be built upon, but not rebuilt',
    });
  const lower = described.name.toLowerCase();
  checkStashName(lower);
  if (lower !== described.name)
    say(
      context,
      lower,
      'info',
      `the stash of ${described.name} is called ${lower}: names of containers have no capitals`,
    );
  return lower;
}

/** gzip, as KIWI's own: every version of podman, umoci and docker reads it. */
function packOptions(output: string, { sourceDateEpoch }: BuildOptions) {
  return { compression: 'gzip', output, ...(sourceDateEpoch !== undefined && { sourceDateEpoch }) } as const;
}

/** The newest state of a stash. */
interface Before {
  readonly layout: Layout;
  readonly manifest: Descriptor;
  readonly config: ImageConfig;
  readonly layers: readonly LayerRecord[];
  readonly annotations: Annotations;
}

async function openNewest(home: string, name: string, context: LookContext): Promise<Before | undefined> {
  const layout = await findStash(home, name);
  const newest = layout && (await newestOf(layout));
  if (!layout || !newest) return undefined;
  const { digest } = newest.descriptor;
  const opened = await openImage({ transport: 'oci', path: layout.path, digest }, { signal: context.signal });
  return {
    layout,
    manifest: opened.descriptor,
    config: opened.config,
    layers: layersOf(opened, opened, name, context),
    annotations: opened.manifest.annotations ?? {},
  };
}

/** What is unchanged is also known by the new tag. */
async function retag({ layout, manifest }: Before, { tag }: Stash): Promise<Descriptor> {
  using change = await layout.change();
  await change.setTags([{ tag, descriptor: manifest }]);
  return manifest;
}

async function write(
  before: Before | undefined,
  layer: TarLayer | undefined,
  stash: Stash,
  context: LookContext,
): Promise<Descriptor> {
  const { store, signal, options } = context;
  const own = layer ? [layer] : [];
  const config = await addDocument(mediaTypes.config, configOf(before?.config, own, stash, options), context);
  const layers = [...(before?.layers ?? []), ...own].map(({ descriptor }) => descriptor);
  const annotations = { ...withoutDescription(before?.annotations ?? {}), ...annotationsOf(stash) };
  const manifest = await addDocument(
    mediaTypes.manifest,
    composeManifest(config, layers, annotations),
    context,
  );
  const layout = before?.layout ?? (await createLayout(stash.path));
  using change = await layout.change({ signal });
  for (const blob of [...own.map(({ descriptor }) => descriptor), config, manifest])
    await change.addFile(blob, store.blobPath(blob.digest));
  await change.setTags([{ tag: stash.tag, descriptor: manifest }]);
  await change.removeUnreferencedBlobs();
  return manifest;
}

function configOf(
  before: ImageConfig | undefined,
  own: readonly TarLayer[],
  { described, platform }: Stash,
  { authorship: { created } }: BuildOptions,
): ImageConfig {
  const base = before ?? emptyConfig(platform);
  const author = described?.author ?? 'unknown';
  const history = own.map(() => ({ created, author, created_by: TEXT, comment: 'KIWI Root Tree Stash' }));
  return {
    ...base,
    created,
    author,
    config: {
      ...base.config,
      Entrypoint: ['/bin/sh'],
      Labels: {
        ...base.config?.Labels,
        [`${LABEL}.maintainer`]: author,
        [`${LABEL}.meta`]: TEXT,
        [STASH_LABEL]: '1',
      },
    },
    rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, ...own.map(({ diffId }) => diffId)] },
    history: [...(base.history ?? []), ...history],
  };
}

/** The tree may have another one now, or none. */
function withoutDescription(annotations: Annotations): Annotations {
  const former: readonly string[] = Object.values(DESCRIPTION);
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !former.includes(name)));
}

function annotationsOf({ file, described }: Stash): Annotations {
  if (!file || !described) return {};
  return {
    [DESCRIPTION.name]: described.name,
    ...(described.version !== undefined && { [DESCRIPTION.version]: described.version }),
    [DESCRIPTION.digest]: digestOf(file.bytes),
  };
}
