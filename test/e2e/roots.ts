/** Small root file systems to build on, and programs of this machine to use in them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll } from 'vitest';
import { findProgram } from '../../src/support/process.ts';
import type { Workspace } from './support.ts';

/** Everything in these roots has this time. */
const MADE = '@1600000000';

/** A root of a static busybox with all its applets as symbolic links, made once per directory; returns the tar file. */
export function busyboxRoot(directory: string): string {
  const tar = join(directory, 'busybox.tar');
  if (existsSync(tar)) return tar;
  const root = join(directory, 'busybox');
  for (const name of ['bin', 'etc', 'tmp', 'usr/share', 'var'])
    mkdirSync(join(root, name), { recursive: true });
  for (const [name, mode] of [
    ['.', 0o755],
    ['bin', 0o755],
    ['etc', 0o755],
    ['tmp', 0o1777],
  ] as const)
    chmodSync(join(root, name), mode);
  const busybox = required('busybox');
  copyFileSync(busybox, join(root, 'bin/busybox'));
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  for (const name of applets.filter(applet => applet !== 'busybox'))
    symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  packTar(root, tar);
  return tar;
}

/** `busyboxRoot` for the tests of a file, made before they begin; returns it as a base. */
export function useBusybox({ path }: Workspace): { readonly type: 'tar'; readonly url: string } {
  beforeAll(() => void busyboxRoot(path));
  return { type: 'tar', url: join(path, 'busybox.tar') };
}

/** Packs a directory as root's, with fixed times. */
export function packTar(root: string, tar: string, ...options: readonly string[]): void {
  execFileSync('tar', [
    ...['-C', root, '--owner=0', '--group=0', '--numeric-owner', '--sort=name', `--mtime=${MADE}`],
    ...[...options, '-cf', tar, '.'],
  ]);
}

/** An OCI layout with the busybox root as one image, made by umoci and so by no code of ours. */
export function busyboxLayout(directory: string, tag = 'busybox'): string {
  const layout = join(directory, 'base');
  addImage(`${layout}:${tag}`, busyboxRoot(directory));
  return layout;
}

/** The same with a root that is changed before: `reference` is `<layout>:<tag>`, `options` are for packing it. */
export function changedBusybox(
  { path }: Workspace,
  reference: string,
  change: (root: string) => void,
  ...options: readonly string[]
): void {
  const directory = join(path, 'root');
  mkdirSync(directory);
  busyboxRoot(directory);
  const root = join(directory, 'busybox');
  change(root);
  const tar = join(directory, 'changed.tar');
  packTar(root, tar, ...options);
  addImage(reference, tar);
}

/** Makes an image of one layer. */
function addImage(reference: string, tar: string): void {
  const layout = reference.slice(0, reference.lastIndexOf(':'));
  if (!existsSync(layout)) umoci('init', '--layout', layout);
  umoci('new', '--image', reference);
  umoci('raw', 'add-layer', '--image', reference, tar);
}

export function umoci(...args: readonly string[]): void {
  execFileSync('umoci', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A Debian root with its package manager: a tar file, made once per machine. */
export function debianRoot(): string {
  const script = fileURLToPath(new URL('../../scripts/debian-root', import.meta.url));
  return execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/**
 * A directory that makes programs of this machine run in any root, whatever libraries that has: `<directory>/name`
 * starts each with the loader and the libraries beside it. Meant to be imported, as /stacker/imports/<basename>.
 */
export function toolbox(directory: string, ...programs: readonly string[]): string {
  const place = `/stacker/imports/${basename(directory)}`;
  const library = join(directory, 'lib');
  mkdirSync(library, { recursive: true });
  for (const name of programs) {
    const program = required(name);
    copyFileSync(program, join(library, `${name}.bin`));
    const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
    for (const path of libraries) copyFileSync(realpathSync(path), join(library, basename(path)));
    const loader = libraries.find(path => /\/ld[-.]/.test(path)) ?? 'none';
    const start = `exec ${place}/lib/${basename(loader)} --library-path ${place}/lib ${place}/lib/${name}.bin "$@"`;
    writeFileSync(join(directory, name), `#!/bin/sh\n${start}\n`, { mode: 0o755 });
  }
  return directory;
}

function required(name: string): string {
  const program = findProgram(name);
  if (program === undefined) throw new Error(`the tests need ${name}`);
  return realpathSync(program);
}

/** The lines of a file that a build wrote for a test. */
export function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

/** A database of dpkg with these packages: `name version`. */
export function dpkgStatus(...packages: readonly string[]): string {
  const stanzas = packages.map(text => {
    const [name, version] = text.split(' ');
    return `Package: ${name}\nStatus: install ok installed\nArchitecture: all\nVersion: ${version}\n`;
  });
  return stanzas.join('\n');
}
