/**
 * The database of apk: installed packages with their files, triggers and scripts, and the packages that were asked for
 * (apk-world(5)).
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { type ArchivedFile, readSmallArchive, writeSmallArchive } from '../../layers/index.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import type { MergeInput, MergeResult, Merger, TreeView } from '../merger.ts';
import {
  APK_DIRECTORIES,
  APK_INSTALLED,
  type ApkPackage,
  canonicalApkHash,
  readApkInstalled,
  writeApkInstalled,
} from '../packages/apk-database.ts';
import { mergePackages, type PackageRecord } from '../packages/merge.ts';
import { mergeDatabase, readingOf } from './database.ts';
import { madeFile } from './made.ts';
import { joined, NOTHING } from './texts.ts';

const WORLD = '/etc/apk/world';

const PREFIXES = APK_DIRECTORIES.map(directory => `${directory}/`);

export const apk: Merger = {
  name: 'apk',
  whole: true,
  answersFor: path => path === WORLD || PREFIXES.some(prefix => path.startsWith(prefix)),
  ruledBy: path =>
    path === WORLD ? path : (PREFIXES.find(prefix => path.startsWith(prefix)) ?? '') + APK_INSTALLED,
  async merge(input) {
    const results: MergeResult[] = [];
    for (const directory of APK_DIRECTORIES)
      results.push(
        await mergeDatabase(directory, [APK_INSTALLED], input, only => mergePackagesIn(directory, only)),
      );
    results.push(await mergeWorld(input));
    return joined(results);
  },
};

async function mergePackagesIn(directory: string, input: MergeInput): Promise<MergeResult> {
  const { base, parts, paths } = input;
  const path = `${directory}/${APK_INSTALLED}`;
  const readAll = async (name: string, tree: TreeView) => {
    const content = (await tree.read(path))?.content ?? new Uint8Array();
    return readingOf(name, async () => byName(readApkInstalled(content)));
  };
  const before = await readAll('what the parts share', base);
  const after: { name: string; packages: ReadonlyMap<string, ApkPackage> }[] = [];
  for (const part of parts) after.push({ name: part.name, packages: await readAll(part.name, part) });
  const merged = mergePackages('apk', path, before, after);

  const packages = [...merged.packages.values()];
  const installed = new Set(packages.map(({ hash }) => hash));
  const files = [madeFile(path, writeApkInstalled(packages), parts)];
  const trees = [base, ...parts];
  for (const [name, merge] of MERGED_BESIDE) {
    const beside = `${directory}/${name}`;
    const contents = await Promise.all(trees.map(async tree => (await tree.read(beside))?.content));
    const known = contents.filter(content => content !== undefined);
    if (known.length > 0) files.push(madeFile(beside, await merge(known, installed), parts));
  }
  const lock = `${directory}/lock`;
  if (paths.includes(lock)) files.push({ kind: 'removed', path: lock });
  return { files, conflicts: merged.conflicts };
}

function byName(packages: readonly ApkPackage[]): ReadonlyMap<string, ApkPackage> {
  return new Map(packages.map(one => [one.name, one]));
}

/** Files that say something of packages by their hashes: what all of them say of the packages that are installed. */
type MergeBeside = (contents: readonly Uint8Array[], installed: ReadonlySet<string>) => Promise<Buffer>;

const MERGED_BESIDE: readonly (readonly [name: string, merge: MergeBeside])[] = [
  ['triggers', mergeTriggers],
  ['scripts.tar', mergeScripts],
  [
    'scripts.tar.gz',
    async (contents, installed) => gzipSync(await mergeScripts(contents.map(inflated), installed)),
  ],
];

/** Lines of a hash and directories. */
async function mergeTriggers(
  contents: readonly Uint8Array[],
  installed: ReadonlySet<string>,
): Promise<Buffer> {
  const lines = contents.flatMap(content => Buffer.from(content).toString('latin1').split('\n'));
  const byHash = new Map(lines.map(line => [canonicalApkHash(line.split(' ', 1)[0] ?? ''), line]));
  const kept = [...byHash].filter(([hash]) => installed.has(hash)).map(([, line]) => `${line}\n`);
  return Buffer.from(kept.join(''), 'latin1');
}

/** An archive of files whose names are `<name>-<version>.<hash>.<when>`. */
async function mergeScripts(
  contents: readonly Uint8Array[],
  installed: ReadonlySet<string>,
): Promise<Buffer> {
  const scripts = new Map<string, ArchivedFile>();
  for (const content of contents)
    for (const file of await readSmallArchive(Buffer.from(content))) {
      const hash = file.entry.path.split('.').at(-2) ?? '';
      if (installed.has(canonicalApkHash(hash))) scripts.set(file.entry.path, file);
    }
  return writeSmallArchive([...scripts.values()]);
}

function inflated(content: Uint8Array): Uint8Array {
  try {
    return gunzipSync(content, { maxOutputLength: LARGEST_SCRIPTS });
  } catch (error) {
    throw new AshlarError(`the archive of scripts cannot be inflated: ${messageOf(error)}`, { cause: error });
  }
}

const LARGEST_SCRIPTS = 2 ** 28;

/** What was asked for: names with conditions. */
async function mergeWorld({ base, parts, paths }: MergeInput): Promise<MergeResult> {
  if (!paths.includes(WORLD) || parts.filter(part => part.changed(WORLD)).length < 2) return NOTHING;
  const wishes = async (tree: TreeView) => wishesIn((await tree.read(WORLD))?.content ?? new Uint8Array());
  const after: { name: string; packages: ReadonlyMap<string, Wish> }[] = [];
  for (const part of parts) after.push({ name: part.name, packages: await wishes(part) });
  const { packages, conflicts } = mergePackages('apk', WORLD, await wishes(base), after);
  const lines = [...packages.values()].map(({ identity }) => `${identity}\n`).sort();
  return { files: [madeFile(WORLD, Buffer.from(lines.join(''), 'latin1'), parts)], conflicts };
}

/** `version`: the condition, in words where there is none. */
type Wish = PackageRecord;

function wishesIn(content: Uint8Array): ReadonlyMap<string, Wish> {
  const words = Buffer.from(content).toString('latin1').split(/\s+/).filter(Boolean);
  return new Map(
    words.map(word => {
      const name = /^!?[^<>=~@]*/.exec(word)?.[0] ?? word;
      return [name, { version: word.slice(name.length) || 'unpinned', identity: word }];
    }),
  );
}
