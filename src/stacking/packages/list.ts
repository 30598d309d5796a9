/** The packages of a tree, whichever package managers it has. */
import { AshlarError } from '../../support/errors.ts';
import type { TreeView } from '../merger.ts';
import { readStatus } from '../mergers/dpkg-status.ts';
import { APK_DIRECTORIES, APK_INSTALLED, readApkInstalled } from './apk-database.ts';
import { pacmanField, pacmanPackages } from './pacman-database.ts';
import {
  OTHER_RPM_DATABASES,
  RPM_DATABASE,
  RPM_DIRECTORIES,
  RPM_JOURNAL,
  RpmDatabase,
} from './rpm-database.ts';
import type { RpmFile } from './rpm-files.ts';
import type { RpmDetails } from './rpm-header.ts';
import type { PackageManager } from './versions.ts';

export interface InstalledPackage {
  readonly manager: PackageManager;
  readonly name: string;
  /** As its manager writes it. */
  readonly version: string;
  /** Empty where the package has none. */
  readonly architecture: string;
}

export interface InstalledPackages {
  /** By manager, each in the order of its database. */
  readonly packages: readonly InstalledPackage[];
  /** Databases that are there and cannot be read. */
  readonly unread: readonly { readonly path: string; readonly reason: string }[];
}

/** Files are asked for all at once. */
export async function packagesIn(tree: TreeView): Promise<InstalledPackages> {
  const { found, unread } = await readAll(tree, database => database.read());
  const packages = found.map(({ manager, name, version, architecture }) => {
    return { manager, name, version, architecture };
  });
  return { packages, unread };
}

/** A package in the words of rpm, of which other managers know only some. */
export interface PackageDetails extends Omit<RpmDetails, 'changes' | 'release'> {
  readonly manager: PackageManager;
  readonly release: string | undefined;
  /** Where the database has them. */
  readonly changes?: RpmDetails['changes'];
}

export interface DescribedPackages extends Pick<InstalledPackages, 'unread'> {
  readonly packages: readonly PackageDetails[];
}

/** The same packages with all that is known of them. */
export async function describePackages(tree: TreeView): Promise<DescribedPackages> {
  const { found, unread } = await readAll(
    tree,
    database => database.details?.() ?? database.read().then(packages => packages.map(partsOfVersion)),
  );
  return { packages: found, unread };
}

/** Debian's versions are one text; others end with a release. */
function partsOfVersion({ name, version, architecture }: Found): Omit<PackageDetails, 'manager'> {
  return {
    name,
    epoch: undefined,
    version,
    release: undefined,
    architecture: architecture || undefined,
    distUrl: undefined,
    license: undefined,
  };
}

/** The files that packages of rpm have brought; of others, their managers keep other lists. */
export async function rpmFilesIn(tree: TreeView): Promise<readonly RpmFile[]> {
  const { found } = await readAll(tree, async database => (await database.files?.()) ?? []);
  return found;
}

async function readAll<T>(
  tree: TreeView,
  read: (database: PackageDatabase) => Promise<readonly T[]>,
): Promise<{
  readonly found: readonly (T & { readonly manager: PackageManager })[];
  readonly unread: InstalledPackages['unread'];
}> {
  const unread: { path: string; reason: string }[] = [];
  const results = databasesIn(tree).map(async database => {
    const found = await attempt(() => read(database));
    return { ...database, found };
  });
  const all: (T & { readonly manager: PackageManager })[] = [];
  for (const { path, manager, found } of await Promise.all(results)) {
    if (found instanceof AshlarError) unread.push({ path, reason: found.message });
    else for (const one of found) all.push({ ...one, manager });
  }
  return { found: all, unread };
}

async function attempt<T>(read: () => Promise<T>): Promise<T | AshlarError> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    return error;
  }
}

type Found = Omit<InstalledPackage, 'manager'>;

interface PackageDatabase {
  readonly path: string;
  readonly manager: PackageManager;
  readonly read: () => Promise<readonly Found[]>;
  /** Where the database says more. */
  readonly details?: () => Promise<readonly Omit<PackageDetails, 'manager'>[]>;
  readonly files?: () => Promise<readonly RpmFile[]>;
}

function databasesIn(tree: TreeView): readonly PackageDatabase[] {
  return [...dpkgIn(tree), ...rpmIn(tree), ...apkIn(tree), ...pacmanIn(tree)].filter(
    ({ path }) => tree.entry(path)?.type === 'file',
  );
}

/** The list of dpkg, and the lists of images that were put together without it. */
function dpkgIn(tree: TreeView): readonly PackageDatabase[] {
  const beside = tree.list('/var/lib/dpkg/status.d').filter(name => !name.endsWith('.md5sums'));
  const paths = ['status', ...beside.map(name => `status.d/${name}`)].map(name => `/var/lib/dpkg/${name}`);
  return paths.map(path => ({
    path,
    manager: 'dpkg',
    read: async () => {
      const status = readStatus(Buffer.from(await contentOf(tree, path)).toString('latin1'));
      return [...status.values()].filter(({ present }) => present);
    },
  }));
}

function rpmIn(tree: TreeView): readonly PackageDatabase[] {
  const open = async (directory: string) => {
    const files = [RPM_DATABASE, RPM_JOURNAL].map(name => contentOf(tree, `${directory}/${name}`));
    const [content = NOTHING, journal = NOTHING] = await Promise.all(files);
    return new RpmDatabase(content, journal);
  };
  return RPM_DIRECTORIES.flatMap(directory => [
    {
      path: `${directory}/${RPM_DATABASE}`,
      manager: 'rpm' as const,
      read: async () => {
        using database = await open(directory);
        return database.packages();
      },
      details: async () => {
        using database = await open(directory);
        return database.details();
      },
      files: async () => {
        using database = await open(directory);
        return database.files();
      },
    },
    ...[...OTHER_RPM_DATABASES].map(([name, kind]) => ({
      path: `${directory}/${name}`,
      manager: 'rpm' as const,
      read: async () => {
        throw new AshlarError(`rpm's databases of the kind ${kind} are not read`);
      },
    })),
  ]);
}

function apkIn(tree: TreeView): readonly PackageDatabase[] {
  return APK_DIRECTORIES.map(directory => {
    const path = `${directory}/${APK_INSTALLED}`;
    const read = async () => readApkInstalled(await contentOf(tree, path));
    const details = async () =>
      (await read()).map(one => {
        const license = /^L:(.+)$/m.exec(one.paragraph)?.[1];
        return { ...partsOfVersion(one), ...withRelease(one.version), license };
      });
    return { path, manager: 'apk', read, details };
  });
}

function pacmanIn(tree: TreeView): readonly PackageDatabase[] {
  return pacmanPackages(tree).map(one => {
    const path = `${one.directory}/desc`;
    const read = async () => [{ ...one, architecture: pacmanField(await contentOf(tree, path), 'ARCH') }];
    const details = async () => {
      return [{ ...partsOfVersion({ ...one, architecture: '' }), ...withRelease(one.version) }];
    };
    return { path, manager: 'pacman', read, details };
  });
}

function withRelease(text: string): Pick<PackageDetails, 'version' | 'release'> {
  const dash = text.lastIndexOf('-');
  return dash < 0
    ? { version: text, release: undefined }
    : { version: text.slice(0, dash), release: text.slice(dash + 1) };
}

async function contentOf(tree: TreeView, path: string): Promise<Uint8Array> {
  return (await tree.read(path))?.content ?? NOTHING;
}

const NOTHING = new Uint8Array();
