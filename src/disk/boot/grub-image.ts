/** GRUB as a program of its own: modules of the tree, or of this machine, put together by grub-mkimage. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { installationOf } from '../../support/programs.ts';
import {
  findInTree,
  firstFile,
  namesInTree,
  readBytes,
  readTextInTree,
  removeInTree,
  textContent,
  writeInTree,
} from './tree.ts';
import type { BootRequest } from './types.ts';

const MODULES = [
  ...['part_gpt', 'part_msdos', 'fat', 'ext2', 'xfs', 'btrfs', 'squash4', 'normal', 'configfile'],
  ...[
    'search',
    'search_fs_uuid',
    'search_fs_file',
    'search_label',
    'linux',
    'serial',
    'terminal',
    'terminfo',
  ],
  ...[
    'echo',
    'test',
    'true',
    'ls',
    'boot',
    'sleep',
    'reboot',
    'halt',
    'chain',
    'minicmd',
    'regexp',
    'loadenv',
  ],
  // What menus ask for that updates inside the system write.
  ...['gzio', 'all_video', 'gfxterm', 'gfxmenu', 'font', 'gettext', 'probe'],
];

/** Firmwares: what GRUB must begin with. */
const FIRST: Readonly<Record<string, readonly string[]>> = { 'i386-pc': ['biosdisk'] };

export interface GrubModules {
  readonly target: string;
  /** Of the tree, `/` for this machine. */
  readonly top: string;
  /** Absolute below it. */
  readonly directory: string;
}

/** What has a directory of modules for each target. */
export const GRUB_PLACES = [
  '/usr/lib/grub',
  '/usr/share/grub2',
  '/usr/lib/grub2',
  '/boot/grub',
  '/boot/grub2',
];

/** The modules for a target (`i386-pc`, `x86_64-efi`), of the tree or of this machine; undefined where neither has them. */
export function findGrubModules(tree: string, target: string): GrubModules | undefined {
  for (const top of [tree, '/']) {
    for (const parent of GRUB_PLACES) {
      const found = firstFile(top, [`${parent}/${target}/kernel.img`]);
      const complete = found && firstFile(top, [`${parent}/${target}/moddep.lst`]);
      if (complete) return { target, top, directory: join(found.path, '..') };
    }
  }
  return undefined;
}

const PACKAGES: Readonly<Record<string, string>> = {
  'i386-pc': 'apt install grub-pc-bin | dnf install grub2-pc-modules | zypper install grub2-i386-pc',
  'x86_64-efi':
    'apt install grub-efi-amd64-bin | dnf install grub2-efi-x64-modules | zypper install grub2-x86_64-efi',
  'arm64-efi':
    'apt install grub-efi-arm64-bin | dnf install grub2-efi-aa64-modules | zypper install grub2-arm64-efi',
};

export function missingGrub(target: string): AshlarError {
  return new AshlarError(`cannot find GRUB's modules for ${target}, in the image or here`, {
    hint: PACKAGES[target],
  });
}

/**
 * The program that the modules are put together to; `early` are its first commands.
 * @throws AshlarError when there is no grub-mkimage, or it fails.
 */
export async function makeGrubImage(
  request: BootRequest,
  modules: GrubModules,
  early: string,
): Promise<Uint8Array> {
  return (await startGrubImage(request, modules, early)).bytes;
}

/** The same, while the tree is used and changed already: a grub-mkimage of the tree itself has ended by then. */
export async function startGrubImage(
  request: BootRequest,
  modules: GrubModules,
  early: string,
): Promise<{ readonly bytes: Promise<Uint8Array> }> {
  const { tree, say, scratch } = request;
  const { target, top, directory } = modules;
  const source = top === '/' ? 'of this machine' : 'of the image';
  const program = await chooseProgram(request, modules);
  say(`GRUB for ${target}: modules ${source}, put together by ${program.path} of ${program.from}`);
  const available = new Set(namesInTree(top, directory));
  const names = [...(FIRST[target] ?? []), ...MODULES].filter(name => available.has(`${name}.mod`));
  const args = (place: (name: string) => string, from: string) => [
    ...['-O', target, '-d', from, '-c', place('early.cfg'), '-p', '/boot/grub', '-o', place('grub.img')],
    ...names,
  ];
  if (program.from === 'this machine') {
    const place = (name: string) => join(scratch, `${target}-${name}`);
    writeFileSync(place('early.cfg'), early);
    const from = top === '/' ? directory : copyModules(modules, names, join(scratch, `${target}-modules`));
    const bytes = runHere(program.path, args(place, from), place('grub.img'), request.signal);
    // Whoever does not come to wait for it has failed in another way.
    bytes.catch(() => {});
    return { bytes };
  }
  const place = (name: string) => `/.ashlar-${target}-${name}`;
  writeInTree(tree, place('early.cfg'), 0o600, textContent(early));
  const { status, output } = await request.run([program.path, ...args(place, directory)], {
    PATH: '/usr/bin:/bin',
  });
  const made = findInTree(tree, place('grub.img'));
  if (status !== 0 || made?.kind !== 'file') throw failed(program.path, status, output);
  const bytes = readBytes(made, LARGEST);
  for (const name of ['early.cfg', 'grub.img']) removeInTree(tree, place(name));
  return { bytes: Promise.resolve(bytes) };
}

async function runHere(
  program: string,
  args: readonly string[],
  output: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { status, stderr } = await runProgram(program, args, { signal });
  if (status !== 0) throw failed(program, status, stderr);
  return readFileSync(output);
}

/** Far above the largest there is. */
const LARGEST = 16 * 2 ** 20;

/** What a program of this machine reads of a tree is files alone: links could lead out of it, and pipes to no end. */
function copyModules({ top, directory }: GrubModules, names: readonly string[], to: string): string {
  const dependencies = readTextInTree(top, `${directory}/moddep.lst`) ?? '';
  const needed = new Set(withDependencies(names, dependencies).map(name => `${name}.mod`));
  mkdirSync(to);
  for (const name of namesInTree(top, directory)) {
    if (!needed.has(name) && !/\.img$|^moddep\.lst$/.test(name)) continue;
    const file = firstFile(top, [`${directory}/${name}`]);
    if (file) writeFileSync(join(to, name), readBytes(file, LARGEST));
  }
  return to;
}

/** Lines of moddep.lst name a module and, after a colon, those that it calls. */
function withDependencies(names: readonly string[], list: string): readonly string[] {
  const lines = list.split('\n').map(line => line.split(':'));
  const dependencies = new Map(lines.map(([name = '', others = '']) => [name, others.trim().split(/\s+/)]));
  const needed = new Set(names);
  for (const name of needed) for (const other of dependencies.get(name) ?? []) needed.add(other);
  return [...needed];
}

interface Program {
  readonly path: string;
  readonly from: 'the image' | 'this machine';
}

export const GRUB_PROGRAMS = ['grub-mkimage', 'grub2-mkimage'];

/** That of this machine, unless the tree has one that is as old as its modules when ours is not. */
async function chooseProgram({ tree }: BootRequest, { top, directory }: GrubModules): Promise<Program> {
  const here = GRUB_PROGRAMS.map(name => findProgram(name)).find(path => path !== undefined);
  const inTree =
    top === '/'
      ? undefined
      : firstFile(
          tree,
          GRUB_PROGRAMS.map(name => `/usr/bin/${name}`),
        );
  if (!here && !inTree) {
    throw new AshlarError('cannot find the program grub-mkimage, in the image or here', {
      hint: installationOf('grub-mkimage'),
    });
  }
  if (here !== undefined && (!inTree || (await versionOf(here)) === modulesVersion(top, directory)))
    return { path: here, from: 'this machine' };
  return { path: inTree?.path ?? '', from: 'the image' };
}

async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await runProgram(program, ['--version']);
  return /\d+\.\d+/.exec(stdout)?.[0];
}

function modulesVersion(top: string, directory: string): string | undefined {
  const text = readTextInTree(top, `${directory}/modinfo.sh`) ?? '';
  return /^grub_version="(\d+\.\d+)/m.exec(text)?.[1];
}

function failed(program: string, status: number, output: string): AshlarError {
  return new AshlarError(`${program} ended with ${status}`, { cause: new Error(output.trim()) });
}
