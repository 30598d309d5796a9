/** What can be stashed: a directory, or an image in a layout or tar archive. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packLayer } from '../../layers/index.ts';
import { openImage, openLayout } from '../../oci/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import type { LookContext } from '../context.ts';
import { keepLayer } from '../layer-records.ts';
import { layersOf } from '../sources/bases.ts';
import { directoryRoot } from './directory-root.ts';
import { imageRoot } from './image-root.ts';
import type { Root } from './root.ts';

/**
 * The tree at a path: a directory, a tar archive, or an OCI layout with one image.
 * @throws AshlarError
 */
export async function openRoot(path: string, context: LookContext): Promise<Root> {
  const absolute = resolve(path);
  const status = statusOf(absolute);
  if (status.isDirectory())
    return isLayout(absolute) ? layoutRoot(absolute, context) : directoryRoot(absolute, context);
  if (status.isFile()) return archiveRoot(absolute, context);
  throw new AshlarError(`${path} is neither a directory nor a tar archive`);
}

function statusOf(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR')
      throw new AshlarError(`there is no ${path}`, {
        hint: '--root takes a directory, a tar archive, or an OCI layout: <target>/build/image-root of a build',
      });
    throw new AshlarError(`cannot look at ${path}`, { cause });
  }
}

function isLayout(path: string): boolean {
  return ['oci-layout', 'index.json', 'blobs'].every(name => existsSync(join(path, name)));
}

async function layoutRoot(path: string, context: LookContext): Promise<Root> {
  const { manifests } = await (await openLayout(path)).index();
  const [only] = manifests;
  if (!only || manifests.length > 1)
    throw new AshlarError(`the OCI layout ${path} has ${manifests.length} images`, {
      hint: 'a layout with one image can be stashed',
    });
  const { digest } = only;
  const opened = await openImage({ transport: 'oci', path, digest }, { signal: context.signal });
  const { os, architecture, variant } = opened.config;
  const platform = { os, architecture, ...(variant !== undefined && { variant }) };
  return { ...imageRoot(layersOf(opened, opened, path, context), context), platform };
}

async function archiveRoot(path: string, context: LookContext): Promise<Root> {
  const { store, signal } = context;
  const output = store.temporaryPath('layer');
  const packed = await packLayer({ kind: 'tar', path }, { compression: 'none', output, signal });
  if (!packed) throw new AshlarError(`${path} holds nothing`);
  return imageRoot([await keepLayer(packed, output, 'none', context)], context);
}
