import { type Descriptor, documentBytes, type ImageConfig, type Index, type Manifest } from '../oci/index.ts';
import type { LookContext } from './context.ts';

/** Writes a config, manifest or index to the store. */
export async function addDocument(
  mediaType: string,
  document: ImageConfig | Index | Manifest,
  { store }: LookContext,
): Promise<Descriptor> {
  const bytes = documentBytes(document);
  return { mediaType, digest: await store.addBytes(bytes), size: bytes.length };
}
