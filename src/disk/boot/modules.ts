/** Modules of a kernel: which a list of names needs, in the order in which they are loaded. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { installationOf } from '../../support/programs.ts';
import { findInTree, readBytes, readTextInTree } from './tree.ts';
import type { Kernel } from './types.ts';

export interface ModuleIndex {
  /** File (relative to the directory of modules) by name, and the files that are loaded before it, last one first. */
  readonly modules: ReadonlyMap<string, { readonly file: string; readonly before: readonly string[] }>;
  readonly builtin: ReadonlySet<string>;
  /** Names of modules that a module asks for while it runs. */
  readonly soft: ReadonlyMap<string, readonly string[]>;
  /** Modules by other names of theirs. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

export function readModuleIndex(tree: string, { modules: directory }: Kernel): ModuleIndex {
  const read = (name: string) => readTextInTree(tree, `${directory}/${name}`) ?? '';
  return parseModuleIndex({
    dependencies: read('modules.dep'),
    builtin: read('modules.builtin'),
    soft: read('modules.softdep'),
    aliases: read('modules.alias'),
  });
}

/** The files that depmod writes. */
export function parseModuleIndex(texts: {
  readonly dependencies: string;
  readonly builtin: string;
  readonly soft: string;
  readonly aliases: string;
}): ModuleIndex {
  const modules = new Map<string, { readonly file: string; readonly before: readonly string[] }>();
  for (const line of linesOf(texts.dependencies)) {
    const [file = '', before = ''] = line.split(':');
    modules.set(moduleName(file), { file, before: before.split(' ').filter(Boolean) });
  }
  const soft = new Map<string, readonly string[]>();
  for (const line of linesOf(texts.soft)) {
    const [word, name = '', ...wanted] = line.split(/\s+/);
    if (word !== 'softdep') continue;
    const names = wanted.filter(other => other !== 'pre:' && other !== 'post:');
    soft.set(normal(name), [...(soft.get(normal(name)) ?? []), ...names]);
  }
  const aliases = new Map<string, readonly string[]>();
  for (const line of linesOf(texts.aliases)) {
    const [word, alias = '', name = ''] = line.split(/\s+/);
    // Patterns are for what hardware says of itself.
    if (word !== 'alias' || /[*?[]/.test(alias)) continue;
    aliases.set(normal(alias), [...(aliases.get(normal(alias)) ?? []), name]);
  }
  return { modules, builtin: new Set(linesOf(texts.builtin).map(moduleName)), soft, aliases };
}

export interface NeededModule {
  readonly name: string;
  /** Relative to the directory of modules. */
  readonly file: string;
  /** Names of those without which it cannot be loaded. */
  readonly after: readonly string[];
}

export interface NeededModules {
  /** In the order in which they are to be loaded. */
  readonly modules: readonly NeededModule[];
  /** Names that are neither modules nor built in. */
  readonly missing: readonly string[];
}

/** What must be loaded for the modules of these names to work. */
export function neededModules(names: readonly string[], index: ModuleIndex): NeededModules {
  const modules = new Map<string, NeededModule>();
  const begun = new Set<string>();
  const missing: string[] = [];

  const add = (name: string): void => {
    if (begun.has(name)) return;
    begun.add(name);
    const module = index.modules.get(name);
    if (!module) return;
    for (const other of index.soft.get(name) ?? []) for (const real of named(normal(other))) add(real);
    for (const file of module.before.toReversed()) add(moduleName(file));
    modules.set(name, { name, file: module.file, after: module.before.map(moduleName) });
  };
  const named = (name: string) =>
    index.modules.has(name) ? [name] : (index.aliases.get(name) ?? []).map(normal);

  for (const name of names.map(normal)) {
    if (index.builtin.has(name)) continue;
    const real = named(name);
    if (real.length === 0) missing.push(name);
    for (const one of real) add(one);
  }
  return { modules: [...modules.values()], missing };
}

/** Name of the module in a file: `nls_cp437` of `kernel/fs/nls/nls-cp437.ko.xz`. */
export function moduleName(file: string): string {
  return normal((file.split('/').at(-1) ?? '').replace(/\.ko(?:\.\w+)?$/, ''));
}

/** Far above the largest module there is. */
const LARGEST = 256 * 2 ** 20;

/** The module as the kernel loads it. */
export async function readModule(tree: string, { modules }: Kernel, file: string): Promise<Uint8Array> {
  const path = `${modules}/${file}`;
  const found = findInTree(tree, path);
  if (found?.kind !== 'file') {
    throw new AshlarError(`${path} is named in modules.dep, but there is no such file`, {
      hint: 'depmod writes that list: something has removed the module afterwards',
    });
  }
  const bytes = readBytes(found, LARGEST);
  try {
    switch (/\.ko(\.\w+)?$/.exec(file)?.[1]) {
      case '.gz':
        return gunzipSync(bytes, { maxOutputLength: LARGEST });
      case '.zst':
        return zstdDecompressSync(bytes, { maxOutputLength: LARGEST });
      case '.xz':
        return await decompressXz(bytes);
      case undefined:
        return bytes;
      default:
        throw new AshlarError('nobody here knows that compression');
    }
  } catch (cause) {
    throw new AshlarError(`cannot decompress the module ${path}`, { cause });
  }
}

async function decompressXz(bytes: Uint8Array): Promise<Uint8Array> {
  const program = findProgram('xz');
  if (program === undefined) {
    throw new AshlarError('cannot find the program xz', {
      hint: installationOf('xz'),
    });
  }
  const pieces: Buffer[] = [];
  let size = 0;
  const { status, stderr } = await runProgram(program, ['--decompress', '--stdout'], {
    input: (async function* () {
      yield bytes;
    })(),
    onStdout: piece => {
      size += piece.length;
      if (size > LARGEST) throw new AshlarError('it is too big to be true');
      pieces.push(piece);
    },
  });
  if (status !== 0) throw new AshlarError(stderr.trim() || `xz ended with ${status}`);
  return Buffer.concat(pieces);
}

function normal(name: string): string {
  return name.replaceAll('-', '_');
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
}
