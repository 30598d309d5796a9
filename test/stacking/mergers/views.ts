/** Trees for tests of mergers: out of texts or directories, without layers. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentsEntry } from '../../../src/layers/index.ts';
import { PLAIN_FILE } from '../../../src/stacking/entries.ts';
import type { FileVersion, MergeResult, Merger, PartView, TreeView } from '../../../src/stacking/merger.ts';

/** A tree of files only, by absolute path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

export interface TestTree extends TreeView {
  /** Of all files, sorted. */
  readonly paths: readonly string[];
}

/** A tree that has these files; `change` may say more of their entries. */
export function treeOf(
  files: Files,
  change: (path: string) => Partial<ContentsEntry> = () => ({}),
): TestTree {
  const versions = new Map<string, FileVersion>();
  for (const [path, text] of Object.entries(files)) {
    const content = typeof text === 'string' ? Buffer.from(text) : text;
    const sha256 = createHash('sha256').update(content).digest('hex');
    versions.set(path, { content, entry: { ...PLAIN_FILE, size: content.length, sha256, ...change(path) } });
  }
  const paths = [...versions.keys()].sort();
  return {
    paths,
    read: async path => versions.get(path),
    entry: path => versions.get(path)?.entry,
    list(directory) {
      const prefix = directory === '/' ? '/' : `${directory}/`;
      const below = paths.filter(path => path.startsWith(prefix));
      return [...new Set(below.map(path => path.slice(prefix.length).split('/')[0] ?? ''))].sort();
    },
  };
}

/** The regular files in some directories of a real tree. */
export function filesAt(root: string, ...directories: readonly string[]): Files {
  const files: Record<string, Uint8Array> = {};
  for (const directory of directories.filter(name => existsSync(join(root, name))))
    for (const name of readdirSync(join(root, directory))) {
      const path = join(root, directory, name);
      if (lstatSync(path).isFile()) files[`${directory}/${name}`] = readFileSync(path);
    }
  return files;
}

/** A tree with links, by absolute path and target. */
export function treeWithLinks(files: Files, links: Readonly<Record<string, string>>): TestTree {
  const empty = Object.fromEntries(Object.keys(links).map(path => [path, '']));
  return treeOf({ ...files, ...empty }, path => {
    const target = links[path];
    return target === undefined ? {} : { type: 'symlink', link: target, sha256: '', mode: 0o777 };
  });
}

/** What a merger makes of parts that started from `base`, given by name, lowest first. */
export function merge(
  merger: Merger,
  base: TestTree,
  trees: Readonly<Record<string, TestTree>>,
): Promise<MergeResult> {
  const parts = Object.entries(trees).map(([name, tree]): PartView => {
    return { ...tree, name, changed: path => digestOf(tree, path) !== digestOf(base, path) };
  });
  const all = [...new Set([base, ...Object.values(trees)].flatMap(({ paths }) => paths))].sort();
  const paths = all.filter(path => {
    if (!merger.answersFor(path)) return false;
    const changed = parts.filter(part => part.changed(path));
    const different = new Set(changed.map(part => digestOf(part, path)));
    return merger.whole ? changed.length > 0 : changed.length > 1 && different.size > 1;
  });
  return merger.merge({ paths, base, parts, stacked: stackedOf(base, parts, all) });
}

/** Path by path, the uppermost part that changed it. */
function stackedOf(base: TestTree, parts: readonly PartView[], all: readonly string[]): TestTree {
  const of = (path: string): TreeView => parts.findLast(part => part.changed(path)) ?? base;
  const paths = all.filter(path => of(path).entry(path) !== undefined);
  return {
    paths,
    read: path => of(path).read(path),
    entry: path => of(path).entry(path),
    list: directory => [...new Set([base, ...parts].flatMap(tree => tree.list(directory)))].sort(),
  };
}

function digestOf(tree: TreeView, path: string): string | undefined {
  const entry = tree.entry(path);
  return entry && `${entry.type} ${entry.mode} ${entry.uid}:${entry.gid} ${entry.sha256} ${entry.link}`;
}

/** The content that a merge gives a path; undefined where it removes it or says nothing. */
export function contentOf({ files }: MergeResult, path: string): Buffer | undefined {
  const file = files.find(candidate => candidate.path === path);
  return file?.kind === 'file' ? Buffer.from(file.content) : undefined;
}

/** The paths that a merge removes. */
export function removedBy({ files }: MergeResult): readonly string[] {
  return files.filter(({ kind }) => kind === 'removed').map(({ path }) => path);
}
