/** What images that systems are built on are called, and where they are looked for. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Digest, formatReference, parseReference, resolveDigest } from '../../oci/index.ts';
import type { ImageBase } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { type ImageArchive, importArchive } from './archives.ts';
import { parseStashName } from './names.ts';
import { findStash, newestOf, stashHome, stashNotFound, stashPath } from './stashes.ts';

/** Where KIWI keeps its stashes. */
const KIWI_HOME = '/var/tmp/kiwi-stash';

export interface OpenStashOptions {
  /** Directory of the store. */
  readonly store: string;
  /** A registry with or without a path and `docker://`: the stash is looked for there, and nowhere else. */
  readonly fromRegistry?: string | undefined;
  readonly insecure?: boolean;
  readonly at: SourceSpan;
  /** A directory of which this call may make subdirectories: for images that come in archives. */
  readonly temporary: string;
  readonly signal: AbortSignal;
  /** KIWI's own place when absent. */
  readonly kiwiHome?: string;
}

/** An image as the base of a plan; what was imported for it goes when it is disposed of. */
export interface OpenedStash extends AsyncDisposable {
  readonly base: ImageBase;
  /** As it was asked for. */
  readonly name: string;
  /** Of its manifest or index, now. */
  readonly digest: Digest;
}

/**
 * The image that a stash's name stands for: `name[:tag]` of ours, else of KIWI's; or a reference that says itself
 * where it is (`docker://`, `oci:`, `oci-archive:`, `docker-archive:`). A name without a tag is the newest state.
 * @throws AshlarError "stash not found" with the places where it was looked for.
 */
export async function openStash(text: string, options: OpenStashOptions): Promise<OpenedStash> {
  const { fromRegistry } = options;
  if (fromRegistry !== undefined) return remote(inRegistry(fromRegistry, text), text, options);
  const archive = archiveOf(text);
  if (archive) return imported(archive, text, options);
  if (/^[a-z-]+:\/\/|^oci:/.test(text)) return remote(text, text, options);
  return local(text, options);
}

function inRegistry(registry: string, stash: string): string {
  const place = registry.replace(/^docker:\/\//, '').replace(/\/+$/, '');
  if (/^[a-z-]+:/.test(place) && place.includes('://'))
    throw new AshlarError(`${registry} is no registry`, { hint: 'write host/path or docker://host/path' });
  return `docker://${place}/${stash}`;
}

function archiveOf(text: string): ImageArchive | undefined {
  const [, kind, path, tag] = /^(oci-archive|docker-archive):([^:]+)(?::(.+))?$/.exec(text) ?? [];
  if (path === undefined) return undefined;
  return {
    kind: kind === 'docker-archive' ? kind : 'oci-archive',
    path: resolve(path),
    ...(tag !== undefined && { tag }),
  };
}

async function remote(reference: string, name: string, options: OpenStashOptions): Promise<OpenedStash> {
  const { insecure = false, at, signal } = options;
  const parsed = parseReference(reference);
  const digest = await resolveDigest(parsed, { insecure, signal });
  const base = { kind: 'image', reference: formatReference({ ...parsed, digest }), insecure, at } as const;
  return { base, name, digest, [Symbol.asyncDispose]: async () => {} };
}

async function local(text: string, options: OpenStashOptions): Promise<OpenedStash> {
  const { store, kiwiHome = KIWI_HOME } = options;
  const places = [stashHome(store), kiwiHome];
  const wanted = parseStashName(text);
  if (!wanted) throw stashNotFound(text, places, 'a stash is called name or name:tag');
  const { name, tag } = wanted;
  // As it was lowered when it was made.
  const own = name.toLowerCase();
  const layout = await findStash(store, own);
  if (layout) {
    const tags = await layout.tags();
    const entry = tag === undefined ? await newestOf(layout) : tags.find(each => each.tag === tag);
    if (entry) return remote(`oci:${stashPath(store, own)}@${entry.descriptor.digest}`, text, options);
    if (tags.length > 0)
      throw stashNotFound(text, places, `${own} has ${tags.map(each => each.tag).join(', ')}`);
  }
  const path = join(kiwiHome, name, `${name}.tar`);
  if (!existsSync(path)) throw stashNotFound(text, places);
  const archive = { kind: 'oci-archive', path, ...(tag !== undefined && { tag: `${name}:${tag}` }) } as const;
  return imported(archive, text, options);
}

async function imported(
  archive: ImageArchive,
  name: string,
  options: OpenStashOptions,
): Promise<OpenedStash> {
  const directory = join(options.temporary, `stash-${process.pid}-${++count}`);
  const dispose = async () => {
    for (const path of [directory, `${directory}.incoming`]) await rm(path, { recursive: true, force: true });
  };
  try {
    const reference = await importArchive(archive, directory, options.signal);
    const opened = await remote(formatReference(reference), name, options);
    return { ...opened, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

let count = 0;
