/** The database of rpm, where it is of the sqlite kind: packages and what they are looked up by, row by row. */
import { AshlarError } from '../../support/errors.ts';
import type { MergedFile, MergeInput, MergeResult, Merger, PartView, TreeView } from '../merger.ts';
import { mergePackages } from '../packages/merge.ts';
import {
  OTHER_RPM_DATABASES,
  RPM_DATABASE,
  RPM_DIRECTORIES,
  RPM_JOURNAL,
  RpmDatabase,
  type RpmPackage,
} from '../packages/rpm-database.ts';
import { mergeDatabase, readingOf } from './database.ts';
import { madeFile } from './made.ts';
import { rewriteRpmDatabase } from './rpm-rows.ts';
import { joined } from './texts.ts';

const PREFIXES = RPM_DIRECTORIES.map(directory => `${directory}/`);

export const rpm: Merger = {
  name: 'rpm',
  whole: true,
  answersFor: path => PREFIXES.some(prefix => path.startsWith(prefix)),
  ruledBy: path => (PREFIXES.find(prefix => path.startsWith(prefix)) ?? '') + RPM_DATABASE,
  async merge(input) {
    const results: MergeResult[] = [];
    for (const directory of RPM_DIRECTORIES)
      results.push(await mergeDatabase(directory, MAINS, input, only => mergeRows(directory, only)));
    return joined(results);
  },
};

const MAINS = [RPM_DATABASE, ...OTHER_RPM_DATABASES.keys()] as const;

interface Row extends RpmPackage {
  readonly from: RpmDatabase;
}

interface Opened {
  readonly name: string;
  readonly database: RpmDatabase;
  readonly rows: readonly Row[];
}

async function mergeRows(directory: string, input: MergeInput): Promise<MergeResult> {
  const { parts, paths, stacked } = input;
  const path = `${directory}/${RPM_DATABASE}`;
  for (const part of parts) refuseOtherKinds(directory, part);
  using databases = new Databases(directory);
  const base = input.base.entry(path) && (await databases.open('what the parts share', input.base));
  const opened: Opened[] = [];
  for (const part of parts) opened.push(await databases.open(part.name, part));

  const isInstalledBesideOthers = findsSeveral([...(base ? [base] : []), ...opened]);
  const byName = ({ rows }: Opened) =>
    new Map(rows.map(row => [nameOf(row, isInstalledBesideOthers(row)), row]));
  const merged = mergePackages(
    'rpm',
    path,
    base ? byName(base) : new Map(),
    opened.map(part => ({ name: part.name, packages: byName(part) })),
  );
  const content = withPackages([...merged.packages.values()], [...(base ? [base] : []), ...opened]);

  // Its log is in it now; what is left of it would be taken for a log of the new one.
  const passing = [RPM_JOURNAL, 'rpmdb.sqlite-shm'].map(name => `${directory}/${name}`);
  const gone = passing.filter(file => paths.includes(file) || stacked.entry(file) !== undefined);
  return {
    files: [
      madeFile(path, content, parts),
      ...gone.map((file): MergedFile => ({ kind: 'removed', path: file })),
    ],
    conflicts: merged.conflicts,
  };
}

function refuseOtherKinds(directory: string, part: PartView): void {
  for (const [name, kind] of OTHER_RPM_DATABASES)
    if (part.changed(`${directory}/${name}`) && part.entry(`${directory}/${name}`) !== undefined)
      throw new AshlarError(
        `the database of ${part.name} is of the kind ${kind}, which is not merged (convert it there: rpmdb --rebuilddb --define '_db_backend sqlite')`,
      );
}

/** Databases that are closed together. */
class Databases implements Disposable {
  readonly #directory: string;
  readonly #all: RpmDatabase[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  [Symbol.dispose](): void {
    for (const database of this.#all) database[Symbol.dispose]();
  }

  async open(name: string, tree: TreeView): Promise<Opened> {
    const [content, journal] = await Promise.all(
      [RPM_DATABASE, RPM_JOURNAL].map(file => tree.read(`${this.#directory}/${file}`)),
    );
    return readingOf(name, async () => {
      if (content?.entry.type !== 'file') throw new AshlarError('it is no file');
      const database = new RpmDatabase(content.content, journal?.content);
      this.#all.push(database);
      return { name, database, rows: database.packages().map(row => ({ ...row, from: database })) };
    });
  }
}

/** The first database with the packages in place of its own. */
function withPackages(packages: readonly Row[], [first, ...others]: readonly Opened[]): Uint8Array {
  if (first === undefined) throw new AshlarError('there is no database to merge');
  const tables = first.database.indexes();
  const different = others.find(({ database }) => database.indexes().join() !== tables.join());
  if (different !== undefined)
    throw new AshlarError(
      `the database of ${different.name} cannot be merged: another version of rpm made it, with other tables`,
    );
  const numbersFrom = ({ database }: Opened) =>
    packages.filter(({ from }) => from === database).map(({ number }) => number);
  const kept = new Set(numbersFrom(first));
  return rewriteRpmDatabase(
    first.database,
    first.rows.map(({ number }) => number).filter(number => !kept.has(number)),
    others.map(other => ({ from: other.database, numbers: numbersFrom(other).toSorted((a, b) => a - b) })),
  );
}

/** Tells of which packages a system may have several versions: keys, kernels, and what some part has several of. */
function findsSeveral(trees: readonly Opened[]): (row: Row) => boolean {
  const several = new Set<string>();
  for (const { rows } of trees) {
    const seen = new Set<string>();
    for (const row of rows) {
      const name = nameOf(row, false);
      if (seen.has(name) || isInstallOnly(row)) several.add(name);
      seen.add(name);
    }
  }
  return row => several.has(nameOf(row, false));
}

function isInstallOnly({ name, provides }: Row): boolean {
  return name === 'gpg-pubkey' || provides.some(provided => provided.startsWith('installonlypkg('));
}

/** `name.architecture`, or `name-version.architecture`. */
function nameOf({ name, version, architecture }: Row, withVersion: boolean): string {
  return `${withVersion ? `${name}-${version}` : name}${architecture && `.${architecture}`}`;
}
