/** The images that builds start from. */
import {
  type Digest,
  formatReference,
  type ImageConfig,
  type Manifest,
  type OpenedImage,
  openImage,
  type Platform,
  parseReference,
  type RegistryReference,
  resolveDigest,
} from '../../oci/index.ts';
import type { ImageBase } from '../../plan/types.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { type LookContext, once, say } from '../context.ts';
import type { BaseFact } from '../keys/history.ts';
import { canonical } from '../keys/keys.ts';
import { type BlobSource, foreignLayer } from '../layer-records.ts';
import type { LayerRecord } from '../values.ts';
import { exportFromDaemon, isDaemonReference } from './daemon.ts';

export interface BaseImage {
  readonly layers: readonly LayerRecord[];
  readonly config: ImageConfig;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the reference stands for, where it is an image in a registry or layout: a manifest or an index. */
  readonly digest?: Digest;
  /** Of a stack. */
  readonly stacked?: Pick<BaseFact, 'parts' | 'rules'>;
}

/** What an image in a registry was when it was last looked at. */
interface Remembered {
  /** What the reference stood for: a manifest or an index. */
  readonly root: Digest;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

/**
 * The image of a reference: manifest and config now, layers when they are asked for. An image in a registry is asked
 * for its digest only, if it was used before; if the registry cannot be reached, what was used before is used again.
 */
export async function openBase(
  base: ImageBase,
  platform: Platform,
  image: string,
  context: LookContext,
): Promise<BaseImage> {
  if (isDaemonReference(base.reference)) {
    return once(context, `daemon ${canonical([base.reference, platform])}`, async () => {
      say(context, image, 'info', `loading ${base.reference}`);
      const opened = await located(base, async () =>
        openImage(await exportFromDaemon(base.reference, context), { platform }),
      );
      return fromOpened(opened, image, context);
    });
  }
  const reference = parseReference(base.reference);
  if (reference.transport === 'oci') {
    say(context, image, 'info', `loading ${base.reference}`);
    // Not shared: the layout may be the output of this very build, in which tags change.
    return fromOpened(await located(base, () => openImage(reference, { platform })), image, context);
  }
  const key = keyFor(reference, platform, base);
  return once(context, `base ${key}`, () => openRemote(reference, key, base, platform, image, context));
}

async function openRemote(
  reference: RegistryReference,
  key: string,
  base: ImageBase,
  platform: Platform,
  image: string,
  context: LookContext,
): Promise<BaseImage> {
  const options = { platform, insecure: base.insecure, signal: context.signal };
  const open = () => openImage(reference, options);
  const known = context.store.database.recall('bases', key) as Remembered | undefined;
  if (known && !context.options.noCache && (await stillCurrent(known, reference.digest))) {
    return fromRemembered(known, open, image, context);
  }
  say(context, image, 'info', `loading ${base.reference}`);
  const opened = await located(base, open);
  const { manifest, config } = opened;
  const root = rootOf(opened);
  context.store.database.remember('bases', key, { root, manifest, config } satisfies Remembered);
  return fromOpened(opened, image, context);

  async function stillCurrent({ root }: Remembered, pinned: Digest | undefined): Promise<boolean> {
    if (pinned) return true;
    const ask = (retry: boolean) => resolveDigest(reference, { ...options, retry });
    try {
      // Who is offline is not to wait for that to pass: what is known will do. A registry that answers may be busy.
      const digest = await ask(false).catch(error => (isOffline(error) ? Promise.reject(error) : ask(true)));
      return digest === root;
    } catch (error) {
      if (!isOffline(error)) return located(base, () => Promise.reject(error));
      say(context, image, 'warning', `${messageOf(error)}; using the cached copy of ${base.reference}`);
      return true;
    }
  }
}

function keyFor(reference: RegistryReference, platform: Platform, { insecure }: ImageBase): string {
  return canonical([formatReference(reference), platform, insecure]);
}

/**
 * What the reference of an image stood for when it was opened last, or what it stands for in a layout; undefined for
 * images of a docker daemon, and for those that were never opened.
 */
export async function digestOfBase(
  base: ImageBase,
  platform: Platform,
  { store, signal }: LookContext,
): Promise<Digest | undefined> {
  if (isDaemonReference(base.reference)) return undefined;
  const reference = parseReference(base.reference);
  if (reference.transport === 'oci') return rootOf(await openImage(reference, { platform, signal }));
  return (store.database.recall('bases', keyFor(reference, platform, base)) as Remembered | undefined)?.root;
}

function isOffline(error: unknown): error is AshlarError {
  return error instanceof AshlarError && error.name === 'ConnectionError';
}

/** Runs `work`; an error of it gets the place of the base in the user's file. */
async function located<T>(base: ImageBase, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const text = `couldn't import base layer ${base.reference}: ${error.message}`;
    throw new AshlarError(text, { at: base.at, hint: error.hint, cause: error.cause });
  }
}

function rootOf({ reference, descriptor }: OpenedImage): Digest {
  return reference.digest ?? descriptor.digest;
}

async function fromOpened(opened: OpenedImage, image: string, context: LookContext): Promise<BaseImage> {
  // Images of one manifest have their layers in common, and fetch each of them once.
  const key = `opened ${opened.descriptor.digest}`;
  const base = await once(context, key, async () => toBase(opened, opened, image, context));
  return { ...base, digest: rootOf(opened) };
}

function fromRemembered(
  known: Remembered,
  open: () => Promise<OpenedImage>,
  image: string,
  context: LookContext,
): BaseImage {
  let opened: Promise<OpenedImage> | undefined;
  const source: BlobSource = {
    blob: async function* (descriptor) {
      opened ??= open();
      yield* (await opened).blob(descriptor);
    },
    localBlob: () => undefined,
  };
  return { ...toBase(known, source, image, context), digest: known.root };
}

function toBase(
  { manifest, config }: { readonly manifest: Manifest; readonly config: ImageConfig },
  source: BlobSource,
  image: string,
  context: LookContext,
): BaseImage {
  const layers = layersOf({ manifest, config }, source, image, context);
  return { layers, config, annotations: manifest.annotations ?? {} };
}

/** The layers of an image that somebody else has written. `image` is the one that needs them. */
export function layersOf(
  { manifest, config }: { readonly manifest: Manifest; readonly config: ImageConfig },
  source: BlobSource,
  image: string,
  context: LookContext,
): readonly LayerRecord[] {
  return manifest.layers.map((descriptor, i) => {
    const diffId = config.rootfs.diff_ids[i];
    if (diffId === undefined)
      throw new AshlarError(`layer ${descriptor.digest} has no diff ID in the image's config`);
    return foreignLayer(descriptor, diffId, source, image, context);
  });
}
