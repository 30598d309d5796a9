/** buildah as an oracle: what it makes of a Dockerfile, in a form that can be compared. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readImage } from './images.ts';
import { outputAsRoot } from './support.ts';
import type { Description } from './trees.ts';

/** Adds to a root what a build with buildah would otherwise add to the image. */
export function prepareForBuildah(root: string): void {
  for (const name of ['dev', 'proc', 'run', 'sys']) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['hosts', 'hostname', 'resolv.conf']) writeFileSync(join(root, 'etc', name), '');
}

/**
 * Builds the Dockerfile in `context`.
 * @param directory Where buildah keeps its storage.
 * @param result `<layout>:<tag>`
 */
export async function buildWithBuildah(
  directory: string,
  context: string,
  result: string,
  ...options: readonly string[]
): Promise<void> {
  const storage = [
    '--storage-driver=vfs',
    `--root=${join(directory, 'storage')}`,
    `--runroot=${join(directory, 'run')}`,
  ];
  const build = ['--runtime=runc', 'bud', '--isolation=chroot', '--identity-label=false', ...options];
  await outputAsRoot('buildah', [...storage, ...build, `--tag=oci:${result}`, context]);
}

/** A tree without its times. */
export function withoutTimes(tree: Description) {
  return Object.fromEntries(Object.entries(tree).map(([path, { mtime: _, ...entry }]) => [path, entry]));
}

/** Null says as much as nothing; and buildah moves a variable of the base that is set again to the end. */
export function configOf(oci: string, tag: string): Readonly<Record<string, unknown>> {
  const { config = {} } = readImage(oci, tag).config;
  const sorted = { ...config, Env: config.Env?.toSorted() };
  return Object.fromEntries(Object.entries(sorted).filter(([, value]) => value !== null));
}
