/** What --root means: an OCI layout as builds leave it, a directory, or a tar archive. */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildOptions, stashTree } from '../../engine/index.ts';
import { openLayout } from '../../oci/index.ts';
import type { ImageBase } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import type { Followed } from '../follow.ts';

/** @throws AshlarError when there is nothing that could be built again. */
export function checkRoot(path: string): void {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) throw new AshlarError(`there is no ${path}`, { at: placeOf(path) });
  const isTree = status.isDirectory() && !isLayout(path);
  if (isTree && !existsSync(join(path, 'image'))) throw treeWithoutDescription(path, placeOf(path));
}

/** The tree as it is now. It is not changed. */
export async function openRoot(path: string, options: BuildOptions, work: Followed): Promise<ImageBase> {
  return isLayout(path) ? findRoot(path) : keptTree(path, options, work);
}

function placeOf(path: string): SourceSpan {
  return { file: 'command line', line: 1, column: 1, lineText: `--root ${path}` };
}

function isLayout(path: string): boolean {
  return existsSync(join(path, 'oci-layout'));
}

/** The newest image of a layout. */
export async function findRoot(path: string): Promise<ImageBase> {
  const at = placeOf(path);
  const absolute = resolve(path);
  const newest = (await (await openLayout(absolute)).tags()).at(-1);
  if (!newest) throw new AshlarError(`the OCI layout ${path} has no image`, { at });
  return imageAt(absolute, newest.descriptor.digest, at);
}

/** A directory or an archive becomes a stash that only these builds know: the next time only what has changed is read. */
export async function keptTree(
  path: string,
  options: BuildOptions,
  { emit, signal }: Followed,
): Promise<ImageBase> {
  const root = resolve(path);
  const name = `tree-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
  const describe = () => ({ name, version: undefined, author: undefined });
  const order = { root, name, tag: 'latest', home: options.project.work, describe };
  const { layout, digest } = await stashTree(order, options, emit, signal);
  return imageAt(layout, digest, placeOf(path));
}

function imageAt(layout: string, digest: string, at: SourceSpan): ImageBase {
  return { kind: 'image', reference: `oci:${layout}@${digest}`, insecure: false, at };
}

export function treeWithoutDescription(name: string, at: SourceSpan): AshlarError {
  return new AshlarError(`no XML description found in /image of ${name}`, {
    at,
    hint: 'it cannot be built again; stackbuild --description builds on it',
  });
}
