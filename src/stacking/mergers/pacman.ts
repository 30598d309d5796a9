/** The database of pacman: packages have directories of their own, and none may have two. */
import { clipped } from '../../support/cells.ts';
import { AshlarError } from '../../support/errors.ts';
import type { MergedFile, MergeInput, MergeResult, Merger, TreeView } from '../merger.ts';
import { mergePackages, type PackageRecord } from '../packages/merge.ts';
import {
  PACMAN_FORM,
  PACMAN_LOCAL,
  type PacmanPackage,
  pacmanPackages,
} from '../packages/pacman-database.ts';
import { mergeDatabase } from './database.ts';
import { asIn } from './made.ts';

const PREFIX = `${PACMAN_LOCAL}/`;

export const pacman: Merger = {
  name: 'pacman',
  whole: true,
  answersFor: path => path.startsWith(PREFIX),
  ruledBy: () => PACMAN_LOCAL,
  merge: input => mergeDatabase(PACMAN_LOCAL, [PACMAN_FORM], input, mergeDirectories),
};

interface Directory extends PacmanPackage, PackageRecord {
  readonly tree: TreeView;
}

async function mergeDirectories(input: MergeInput): Promise<MergeResult> {
  const { base, parts } = input;
  const forms = await Promise.all(
    parts.map(async part => textOf((await part.read(`${PACMAN_LOCAL}/${PACMAN_FORM}`))?.content)),
  );
  if (new Set(forms).size > 1)
    throw new AshlarError(
      `the database has different versions: ${parts.map(({ name }, i) => `${clipped(forms[i] ?? '', 20)} in ${name}`).join(', ')}`,
    );
  const after = parts.map(part => ({ name: part.name, packages: byName(part) }));
  const { packages, conflicts } = mergePackages('pacman', PACMAN_LOCAL, byName(base), after);
  const chosen = new Map([...packages.values()].map(({ directory, tree }) => [directory, tree]));
  const known = new Set([base, ...parts].flatMap(pacmanPackages).map(({ directory }) => directory));
  const files = changedDirectories(input)
    .filter(({ directory }) => known.has(directory))
    .filter(({ directory, changedBy }) => changedBy > 1 || !chosen.has(directory))
    .flatMap(({ directory, paths }) => {
      const tree = chosen.get(directory);
      const gone: MergedFile[] = tree === undefined ? [{ kind: 'removed', path: directory }] : [];
      return [...gone, ...paths.map(path => asIn(tree, path))];
    });
  return { files: await Promise.all(files), conflicts };
}

function byName(tree: TreeView): ReadonlyMap<string, Directory> {
  const directories = pacmanPackages(tree).map(one => {
    const identity = `${one.version} ${tree.entry(`${one.directory}/desc`)?.sha256}`;
    return [one.name, { ...one, identity, tree }] as const;
  });
  return new Map(directories);
}

interface ChangedDirectory {
  readonly directory: string;
  /** What was changed in there. */
  readonly paths: readonly string[];
  /** How many parts did. */
  readonly changedBy: number;
}

function changedDirectories({ paths, parts }: MergeInput): readonly ChangedDirectory[] {
  const inside = paths.filter(path => path.includes('/', PREFIX.length));
  const byDirectory = Map.groupBy(inside, path => path.slice(0, path.indexOf('/', PREFIX.length)));
  return [...byDirectory].map(([directory, changed]) => {
    const changing = parts.filter(part => changed.some(path => part.changed(path)));
    return { directory, paths: changed, changedBy: changing.length };
  });
}

function textOf(content: Uint8Array | undefined): string {
  return Buffer.from(content ?? [])
    .toString('latin1')
    .trim();
}
