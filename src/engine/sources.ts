/** Sources of a plan: what is really there, and its content address. */

import type { FileSource, ImageSource, Source } from '../plan/types.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { type BuildContext, once } from './context.ts';
import { download } from './downloads.ts';
import { type FileIdentity, identify, sha256OfFile } from './identity.ts';
import { keyOf } from './keys.ts';
import { chainOf, treeLayers } from './layer-records.ts';
import type { Location } from './requests.ts';

export interface ResolvedSource {
  /** Equal for equal content. */
  readonly identity: string;
  readonly directory: boolean;
  /** Where it can be read; the layers of an image are fetched for that. */
  readonly locate: () => Promise<Location>;
  /** Only uid 0 of the build's namespaces can read it. */
  readonly inside: boolean;
}

/** Looks a source up (downloads it, if need be) and checks it against its hash. */
export async function resolveSource(
  source: Source,
  image: string,
  context: BuildContext,
): Promise<ResolvedSource> {
  switch (source.kind) {
    case 'file':
      return resolveFile(source, context);
    case 'http': {
      const key = `download ${source.url} ${source.sha256}`;
      const { path, sha256 } = await once(context, key, () => download(source, image, context));
      const location = { kind: 'host', path } as const;
      return { identity: `http ${sha256}`, directory: false, locate: async () => location, inside: false };
    }
    case 'image':
      return resolveInImage(source, context);
  }
}

async function resolveFile(source: FileSource, context: BuildContext): Promise<ResolvedSource> {
  const location = { kind: 'host', path: source.path } as const;
  const { found, inside } = await identifyOnHost(location, context);
  if (!found)
    throw new AshlarError(source.messages?.missing ?? `couldn't stat import ${source.path}`, {
      at: source.at,
    });
  if (source.directory && !found.directory) {
    throw new AshlarError(source.messages?.notDirectory ?? `${source.path} is not a directory`, {
      at: source.at,
    });
  }
  await checkHash(source, source.path, found.directory, () =>
    inside ? context.workshop.call('hash', location, { signal: context.signal }) : sha256OfFile(source.path),
  );
  return { ...found, locate: async () => location, inside };
}

/** A plain user's build may import files that only uid 0 of its namespaces can read: modes of 000 mean nothing there. */
async function identifyOnHost(
  location: Extract<Location, { kind: 'host' }>,
  { workshop, store, signal }: BuildContext,
): Promise<{ readonly found: FileIdentity | undefined; readonly inside: boolean }> {
  try {
    return { found: await identify(location.path, store.database.files), inside: false };
  } catch (error) {
    const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
    if (code !== 'EACCES' || process.getuid?.() === 0) throw error;
    return { found: await workshop.call('identify', location, { signal }), inside: true };
  }
}

async function resolveInImage(source: ImageSource, context: BuildContext): Promise<ResolvedSource> {
  const { layers } = context.built(source.image);
  const { signal, workshop } = context;
  const locate = async (): Promise<Location> => ({
    kind: 'tree',
    layers: await treeLayers(layers, context),
    path: source.path,
  });
  const { database } = context.store;
  const key = keyOf('identity', [
    ['layers', chainOf(layers)],
    ['path', source.path],
  ]);
  let found = database.recall('lookups', key) as FileIdentity | undefined;
  if (!found) {
    found = await workshop.call('identify', await locate(), { signal });
    if (!found) {
      const text = source.messages?.missing ?? `there is no ${source.path} in the image ${source.image}`;
      throw new AshlarError(text, { at: source.at });
    }
    database.remember('lookups', key, found);
  }
  const name = `${source.image}:${source.path}`;
  await checkHash(source, name, found.directory, async () =>
    workshop.call('hash', await locate(), { signal }),
  );
  return { ...found, locate, inside: true };
}

async function checkHash(
  { sha256: wanted, at }: FileSource | ImageSource,
  name: string,
  directory: boolean,
  compute: () => Promise<string>,
): Promise<void> {
  if (wanted === undefined) return;
  if (directory) throw new AshlarError(`a directory has no hash: ${name}`, { at });
  const actual = await compute();
  if (actual === wanted) return;
  const text = `The requested hash of ${name} import is different than the actual hash: ${wanted} != ${actual}`;
  throw new AshlarError(text, { at });
}
