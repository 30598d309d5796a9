/** The layer that an image gets where its working directory is not there yet. */
import { posix } from 'node:path';
import type { ParentDirectory } from '../../layers/index.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import { epochPart } from '../keys/key-parts.ts';
import { canonical, type KeyPart, keyOf } from '../keys/keys.ts';
import { chainOf } from '../layer-records.ts';
import type { LayerRecord } from '../values.ts';
import { toPlain } from './plain-parents.ts';
import { findTarget } from './targets.ts';

/** The domain of the keys of such layers. */
export const DIRECTORY = 'directory';

/** Directories that one layer is to have: those that are there, as they are, and the missing ones. */
export interface MissingDirectory {
  readonly directories: readonly ParentDirectory[];
  readonly parts: readonly KeyPart[];
}

/**
 * Undefined when the tree has a directory of that path; `user` owns what is made.
 * @throws AshlarError when it has something else, or does not know the user.
 */
export async function missingDirectory(
  path: string,
  user: string,
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<MissingDirectory | undefined> {
  const { path: real, parents } = await findTarget(path, 'directory', layers, context);
  const there = new Set(parents.map(parent => parent.path));
  const missing = withParents(real).filter(directory => !there.has(directory));
  if (missing.length === 0) return undefined;
  const owner = await ownerOf(user, layers, context);
  const made = missing.map(directory => newDirectory(directory, owner, context.options));
  const directories = [...parents, ...made];
  return {
    directories,
    parts: [['directories', canonical(directories.map(toPlain))], epochPart(context.options)],
  };
}

/** The path and the directories above it but the root, the highest first. */
function withParents(path: string): readonly string[] {
  return path === '/' ? [] : [...withParents(posix.dirname(path)), path];
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Names, and numbers without a group, are looked up in the tree. */
async function ownerOf(user: string, layers: readonly LayerRecord[], context: LookContext): Promise<Owner> {
  if (user === '' || user === 'root') return { uid: 0, gid: 0 };
  const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(user) ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  const key = keyOf('account', [
    ['layers', chainOf(layers)],
    ['user', user],
  ]);
  const { database } = context.store;
  const known = database.recall('lookups', key) as Owner | undefined;
  if (known) return known;
  const { signal, workshop } = context;
  const owner = await workshop.call(
    'account',
    { layers: await treeLayers(layers, context), user },
    { signal },
  );
  database.remember('lookups', key, owner);
  return owner;
}

function newDirectory(path: string, owner: Owner, { sourceDateEpoch = 0 }: BuildOptions): ParentDirectory {
  return { path, mode: 0o755, ...owner, mtime: BigInt(sourceDateEpoch) * 1_000_000_000n, xattrs: [] };
}
