/** Programs that are built into a disk: those of the tree where it has them, else those of this machine. */
import { posix } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { installationOf } from '../../support/programs.ts';
import { familyOf } from './architecture.ts';
import { readElf } from './elf.ts';
import { type FoundFile, firstFile, readBytes } from './tree.ts';

/** Where a file was found: below `tree`, which is `/` on this machine. */
export interface Origin {
  readonly file: FoundFile;
  readonly from: 'the image' | 'this machine';
}

/** What has the loaders and stubs of systemd. */
export const SYSTEMD_BOOT_PACKAGES =
  'apt install systemd-boot-efi | dnf install systemd-boot-unsigned | zypper install systemd-boot';

/** The first of the paths that is a file, in the tree or here. */
export function findAnywhere(tree: string, paths: readonly string[]): Origin | undefined {
  const inTree = firstFile(tree, paths);
  if (inTree) return { file: inTree, from: 'the image' };
  const here = firstFile('/', paths);
  return here && { file: here, from: 'this machine' };
}

/** Larger ones do not belong into an initrd. */
const LARGEST_PROGRAM = 64 * 2 ** 20;

/** Where a static one may be. */
export const BUSYBOX = [
  '/usr/bin/busybox',
  '/bin/busybox',
  '/bin/busybox.static',
  '/usr/bin/busybox-static',
  '/usr/sbin/busybox',
  '/sbin/busybox',
];

/** A busybox that needs no libraries. @throws AshlarError when there is none for the machine. */
export function staticBusybox(tree: string, architecture: string): Uint8Array {
  for (const top of [tree, '/']) {
    for (const path of BUSYBOX) {
      const file = firstFile(top, [path]);
      if (!file || file.size > LARGEST_PROGRAM) continue;
      const bytes = readBytes(file, LARGEST_PROGRAM);
      const elf = readElf(bytes);
      if (elf?.machine === familyOf(architecture) && elf.interpreter === undefined) return bytes;
    }
  }
  throw new AshlarError(`cannot find a static busybox for ${architecture}, in the image or here`, {
    hint: installationOf('busybox'),
  });
}

export interface ProgramFile {
  /** Absolute, where the program is looked for. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A program of the tree with all libraries that it needs, or undefined where the tree lacks it or one of them. */
export function programWithLibraries(
  tree: string,
  paths: readonly string[],
): readonly ProgramFile[] | undefined {
  const program = firstFile(tree, paths);
  if (!program) return undefined;
  const files = new Map<string, ProgramFile>();
  const pending = [program.path];
  let loader: string | undefined;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (files.has(path)) continue;
    const file = firstFile(tree, [path]);
    const bytes = file && readBytes(file, LARGEST_PROGRAM);
    const elf = bytes && readElf(bytes);
    if (!bytes || !elf) return undefined;
    files.set(path, { path, bytes });
    if (elf.interpreter !== undefined) {
      pending.push(elf.interpreter);
      loader ??= posix.basename(elf.interpreter);
    }
    for (const library of elf.libraries) {
      // Libraries name the loader, too, which is where the program names it.
      if (library === loader) continue;
      const found = libraryPlace(tree, library, program.path);
      if (found === undefined) return undefined;
      pending.push(found);
    }
  }
  return [...files.values()];
}

/** The path that a program's loader would find, of those that all distributions have. */
function libraryPlace(tree: string, name: string, program: string): string | undefined {
  const own = posix.dirname(program);
  const directories = [
    ...['x86_64', 'aarch64', 'riscv64', 's390x', 'powerpc64le', 'loongarch64', 'i386'].map(
      machine => `/lib/${machine}-linux-gnu`,
    ),
    '/lib/arm-linux-gnueabihf',
    ...['/lib64', '/usr/lib64', '/lib', '/usr/lib', own],
  ];
  return directories.map(directory => `${directory}/${name}`).find(path => firstFile(tree, [path]));
}

/** Bytes of a file, wherever it is. */
export function readOrigin({ file }: Origin, most: number): Buffer {
  return readBytes(file, most);
}

/** For messages. */
export function describeOrigin({ file, from }: Origin): string {
  return `${file.path} of ${from}`;
}
