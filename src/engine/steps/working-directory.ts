/** The layer that an image gets where its working directory is not there yet. */
import { posix } from 'node:path';
import type { ParentDirectory } from '../../layers/index.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import { epochPart } from '../keys/key-parts.ts';
import { canonical, type KeyPart } from '../keys/keys.ts';
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

/** Undefined when the tree has a directory of that path. @throws AshlarError when it has something else. */
export async function missingDirectory(
  path: string,
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<MissingDirectory | undefined> {
  const { path: real, parents } = await findTarget(path, 'directory', layers, context);
  const there = new Set(parents.map(parent => parent.path));
  const missing = withParents(real).filter(directory => !there.has(directory));
  if (missing.length === 0) return undefined;
  const directories = [...parents, ...missing.map(directory => newDirectory(directory, context.options))];
  return {
    directories,
    parts: [['directories', canonical(directories.map(toPlain))], epochPart(context.options)],
  };
}

/** The path and the directories above it but the root, the highest first. */
function withParents(path: string): readonly string[] {
  return path === '/' ? [] : [...withParents(posix.dirname(path)), path];
}

function newDirectory(path: string, { sourceDateEpoch = 0 }: BuildOptions): ParentDirectory {
  return { path, mode: 0o755, uid: 0, gid: 0, mtime: BigInt(sourceDateEpoch) * 1_000_000_000n, xattrs: [] };
}
