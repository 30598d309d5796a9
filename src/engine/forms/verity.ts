/** Layers that are file systems are checked before anybody uses them: what they are, and against their root hash. */
import type { Descriptor, LayerFormat } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { type LookContext, once, say } from '../context.ts';
import { keyOf } from '../keys/keys.ts';

/** The annotations of a layer that hold the root hash of its verity data: that of the seed, and today's. */
const ROOT_HASH_ANNOTATIONS = [
  'io.stackeroci.stacker.squashfs_verity_root_hash',
  'io.stackeroci.stacker.atomfs_verity_root_hash',
] as const;

/** What readers of either generation look for; nothing without a root hash. */
export function rootHashAnnotations(rootHash: string | undefined): Pick<Descriptor, 'annotations'> {
  if (rootHash === undefined) return {};
  return { annotations: Object.fromEntries(ROOT_HASH_ANNOTATIONS.map(name => [name, rootHash])) };
}

/** @throws AshlarError for two different ones, and for what is no hash. */
export function rootHashOf({ annotations = {}, digest }: Descriptor): string | undefined {
  const named = ROOT_HASH_ANNOTATIONS.flatMap(name => annotations[name]?.toLowerCase() ?? []);
  const [rootHash, other] = [...new Set(named)];
  if (other !== undefined)
    throw new AshlarError(`the layer ${digest} has two different root hashes in its annotations`);
  if (rootHash !== undefined && !/^[0-9a-f]{64}$/.test(rootHash))
    throw new AshlarError(`the layer ${digest} has an invalid root hash in its annotations`);
  return rootHash;
}

/**
 * Checks a layer whose blob is in the store, once. A layer that says that it has verity data must have a root hash;
 * one that merely has such data is as good as its digest, and people are told.
 * @throws AshlarError
 */
export async function checkFileSystem(
  descriptor: Descriptor,
  format: Exclude<LayerFormat, { readonly kind: 'tar' }>,
  context: LookContext,
): Promise<void> {
  const { digest, mediaType } = descriptor;
  const rootHash = rootHashOf(descriptor);
  if (rootHash === undefined && format.verityInType) {
    throw new AshlarError(`the layer ${digest} (${mediaType}) has no root hash in its annotations`, {
      hint: 'its verity data cannot be checked; the image was written by a faulty tool, or was tampered with',
    });
  }
  const key = keyOf('checked', [['layer', `${format.kind} ${digest} ${rootHash}`]]);
  await once(context, key, async () => {
    const { store, signal } = context;
    if (store.database.recall('lookups', key)) return;
    const { checkFileSystemLayer } = await import('../../layers/index.ts');
    const blob = store.blobPath(digest);
    try {
      const { unverified } = await checkFileSystemLayer({ blob, kind: format.kind, rootHash, signal });
      if (unverified) {
        const text = `the layer ${digest} has verity data but no root hash in its annotations: only its digest is checked`;
        say(context, undefined, 'warning', text);
      } else store.database.remember('lookups', key, true);
    } catch (error) {
      if (!(error instanceof AshlarError)) throw error;
      throw new AshlarError(`the layer ${digest}: ${error.message}`, {
        hint: error.hint,
        cause: error.cause,
      });
    }
  });
}
