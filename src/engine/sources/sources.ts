/** Sources of a plan: what is really there, and its content address. */
import { existsSync, realpathSync } from 'node:fs';
import { digestOfContent, type ListedEntry } from '../../layers/index.ts';
import type { ChecksumAlgorithm } from '../../plan/checksums.ts';
import { sourcesOfStep } from '../../plan/step-sources.ts';
import type { Checksums, FileSource, ImagePlan, ImageSource, Source } from '../../plan/types.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import type { StoredFile } from '../artifacts/stored-files.ts';
import type { LookContext } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import type { Location } from '../inside/request-parts.ts';
import { keyOf } from '../keys/keys.ts';
import { chainOf } from '../layer-records.ts';
import { located } from '../located.ts';
import { algorithmsOf, mismatchError, mismatchOf } from './checksums.ts';
import { differentHash } from './downloads.ts';
import { fetched } from './fetched.ts';
import { checksumsOfFile, type FileIdentity, type FileType, identify } from './identity.ts';
import { rememberListing } from './listings.ts';

export interface ResolvedSource {
  /** Equal for equal content. */
  readonly identity: string;
  readonly type: FileType;
  /** Where it can be read; the layers of an image are fetched for that. */
  readonly locate: () => Promise<Location>;
  /** Only uid 0 of the build's namespaces can read it. */
  readonly inside: boolean;
}

/** What an image imports and copies, looked up; or what of it can be. */
export class ResolvedSources {
  readonly #resolved: ReadonlyMap<Source, ResolvedSource>;

  constructor(resolved: ReadonlyMap<Source, ResolvedSource>) {
    this.#resolved = resolved;
  }

  has(source: Source): boolean {
    return this.#resolved.has(source);
  }

  with(others: ResolvedSources): ResolvedSources {
    return new ResolvedSources(new Map([...this.#resolved, ...others.#resolved]));
  }

  of(source: Source): ResolvedSource {
    const resolved = this.#resolved.get(source);
    if (!resolved) throw new Error('a source of another image');
    return resolved;
  }
}

/** Looks sources of an image up, side by side. */
export async function resolveSources(
  sources: readonly Source[],
  image: string,
  context: LookContext,
): Promise<ResolvedSources> {
  const found = await Promise.all(
    sources.map(
      async source =>
        [source, await located(source.at, () => resolveSource(source, image, context))] as const,
    ),
  );
  return new ResolvedSources(new Map(found));
}

/** What an image imports and copies. */
export function sourcesOf({ imports, steps }: Pick<ImagePlan, 'imports' | 'steps'>): readonly Source[] {
  return [...imports.map(({ source }) => source), ...steps.flatMap(sourcesOfStep)];
}

/** Looks a source up (downloads it, if need be) and checks it against its hash. */
export async function resolveSource(
  source: Source,
  image: string,
  context: LookContext,
): Promise<ResolvedSource> {
  switch (source.kind) {
    case 'file':
      // Where only a directory will do, a link is a name for it.
      return resolveFile(source.directory || source.follow ? followed(source) : source, image, context);
    case 'image':
      return resolveInImage(source, context);
    case 'http':
    case 'kept':
      return fromStore(await fetched(source, image, context));
  }
}

/** A file of the host under its own name, for links that are only another name for it. */
export function followed<S extends Source>(source: S): S {
  if (source.kind !== 'file' || !existsSync(source.path)) return source;
  return { ...source, path: realpathSync(source.path) };
}

function fromStore({ path, checksums: { sha256 } }: StoredFile): ResolvedSource {
  const location = { kind: 'host', path } as const;
  return { identity: `http ${sha256}`, type: 'file', locate: async () => location, inside: false };
}

async function resolveFile(source: FileSource, image: string, context: LookContext): Promise<ResolvedSource> {
  const { path, confined = false, follow } = source;
  const location = { kind: 'host', path, ...(confined && { confined }) } as const;
  const entries: ListedEntry[] = [];
  const { found, inside } = await identifyOnHost(location, context, entry => entries.push(entry));
  if (!found) return fromStore(await fetched(source, image, context));
  if (follow && found.type === 'symlink')
    throw new AshlarError(`the symbolic link ${path} leads nowhere`, { at: source.at });
  if (source.directory && found.type !== 'directory') {
    throw new AshlarError(source.messages?.notDirectory ?? `${source.path} is not a directory`, {
      at: source.at,
    });
  }
  await checkHash(source, source.path, found.type, async algorithms => {
    if (inside) return context.workshop.call('hash', { location, algorithms }, { signal: context.signal });
    const { path } = followed(source);
    const sha256 = await digestOfContent(path, context.store.database.files);
    return rememberedSums(sha256, { sha256 }, algorithms, context, () => checksumsOfFile(path, algorithms));
  });
  rememberListing(found.identity, entries, context.store.database);
  return { ...found, locate: async () => location, inside };
}

/** A plain user's build may import files that only uid 0 of its namespaces can read: modes of 000 mean nothing there. */
async function identifyOnHost(
  location: Extract<Location, { kind: 'host' }>,
  { workshop, store, signal }: LookContext,
  onEntry: (entry: ListedEntry) => void,
): Promise<{ readonly found: FileIdentity | undefined; readonly inside: boolean }> {
  const { path, confined } = location;
  try {
    return { found: await identify(path, { cache: store.database.files, onEntry, confined }), inside: false };
  } catch (error) {
    const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
    if (code !== 'EACCES' || process.getuid?.() === 0) throw error;
    return { found: await workshop.call('identify', location, { signal }), inside: true };
  }
}

async function resolveInImage(source: ImageSource, context: LookContext): Promise<ResolvedSource> {
  const { layers } = context.built(source.image);
  const { signal, workshop } = context;
  const locate = async (): Promise<Location> => ({
    kind: 'tree',
    layers: await treeLayers(layers, context),
    path: source.path,
    ...(source.follow && { follow: true }),
  });
  const { database } = context.store;
  const key = keyOf('identity', [
    ['layers', chainOf(layers)],
    ['path', source.path],
    ...(source.follow ? [['follow', 'true'] as const] : []),
  ]);
  let found = database.recall('lookups', key) as FileIdentity | undefined;
  if (!found) {
    found = await ifThere(workshop.call('identify', await locate(), { signal }));
    if (!found) {
      const text = source.messages?.missing ?? `there is no ${source.path} in the image ${source.image}`;
      throw new AshlarError(text, {
        at: source.at,
        hint: source.messages?.hint ?? `look around in it: ashlar chroot ${source.image}`,
      });
    }
    database.remember('lookups', key, found);
  }
  const name = `${source.image}:${source.path}`;
  await checkHash(source, name, found.type, algorithms =>
    rememberedSums(key, {}, algorithms, context, async () =>
      workshop.call('hash', { location: await locate(), algorithms }, { signal }),
    ),
  );
  return { ...found, locate, inside: true };
}

/** Undefined also when the way to it does not exist. */
async function ifThere<T>(found: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** What a content that `key` stands for hashes to: read only for algorithms that nobody has asked for before. */
async function rememberedSums(
  key: string,
  known: Checksums,
  algorithms: readonly ChecksumAlgorithm[],
  { store: { database } }: LookContext,
  compute: () => Promise<Checksums>,
): Promise<Checksums> {
  const lacks = (sums: Checksums) => algorithms.some(algorithm => sums[algorithm] === undefined);
  if (!lacks(known)) return known;
  const recalled = (database.recall('lookups', `sums ${key}`) as Checksums | undefined) ?? {};
  if (!lacks(recalled)) return recalled;
  const computed = { ...recalled, ...(await compute()) };
  database.remember('lookups', `sums ${key}`, computed);
  return computed;
}

async function checkHash(
  source: FileSource | ImageSource,
  name: string,
  type: FileType,
  compute: (algorithms: readonly ChecksumAlgorithm[]) => Promise<Checksums>,
): Promise<void> {
  const { checksums: wanted = {}, at } = source;
  const algorithms = algorithmsOf(wanted);
  if (algorithms.length === 0) return;
  if (type === 'directory') throw new AshlarError(`a directory has no hash: ${name}`, { at });
  const mismatch = mismatchOf(wanted, await compute(algorithms));
  if (mismatch) throw mismatchError(source, mismatch, differentHash(name, mismatch));
}
