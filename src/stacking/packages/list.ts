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
  const packages: InstalledPackage[] = [];
  const unread: { path: string; reason: string }[] = [];
  const results = databasesIn(tree).map(async database => ({
    ...database,
    found: await attempt(database.read),
  }));
  for (const { path, manager, found } of await Promise.all(results)) {
    if (found instanceof AshlarError) unread.push({ path, reason: found.message });
    else
      for (const { name, version, architecture } of found)
        packages.push({ manager, name, version, architecture });
  }
  return { packages, unread };
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
  return RPM_DIRECTORIES.flatMap(directory => [
    {
      path: `${directory}/${RPM_DATABASE}`,
      manager: 'rpm' as const,
      read: async () => {
        const files = [RPM_DATABASE, RPM_JOURNAL].map(name => contentOf(tree, `${directory}/${name}`));
        const [content = NOTHING, journal = NOTHING] = await Promise.all(files);
        using database = new RpmDatabase(content, journal);
        return database.packages();
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
    return { path, manager: 'apk', read: async () => readApkInstalled(await contentOf(tree, path)) };
  });
}

function pacmanIn(tree: TreeView): readonly PackageDatabase[] {
  return pacmanPackages(tree).map(one => {
    const path = `${one.directory}/desc`;
    const read = async () => [{ ...one, architecture: pacmanField(await contentOf(tree, path), 'ARCH') }];
    return { path, manager: 'pacman', read };
  });
}

async function contentOf(tree: TreeView, path: string): Promise<Uint8Array> {
  return (await tree.read(path))?.content ?? NOTHING;
}

const NOTHING = new Uint8Array();
