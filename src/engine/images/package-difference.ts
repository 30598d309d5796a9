/** Which packages two trees have, and in which versions. */
import { compareVersions, type InstalledPackage, type PackageManager } from '../../stacking/index.ts';

export interface PackageDifference {
  readonly manager: PackageManager;
  /** With its architecture where it is there for several: `libc6:amd64`. */
  readonly name: string;
  readonly change: 'installed' | 'removed' | 'upgraded' | 'downgraded' | 'changed';
  /** Versions, with commas between several; undefined where the package is not there. */
  readonly before?: string;
  readonly after?: string;
}

/** Sorted by manager and name. */
export function packageDifferences(
  before: readonly InstalledPackage[],
  after: readonly InstalledPackage[],
): readonly PackageDifference[] {
  const nameOf = namesFor([...before, ...after]);
  const [old, young] = [versionsBy(nameOf, before), versionsBy(nameOf, after)];
  return [...new Set([...old.keys(), ...young.keys()])].sort().flatMap(key => {
    const [manager, name] = key.split(' ', 2) as [PackageManager, string];
    return differenceOf(manager, name, old.get(key) ?? [], young.get(key) ?? []);
  });
}

function differenceOf(
  manager: PackageManager,
  name: string,
  before: readonly string[],
  after: readonly string[],
): readonly PackageDifference[] {
  const [one, other] = [before.join(', '), after.join(', ')];
  if (one === other) return [];
  if (before.length === 0) return [{ manager, name, change: 'installed', after: other }];
  if (after.length === 0) return [{ manager, name, change: 'removed', before: one }];
  return [{ manager, name, change: directionOf(manager, before, after), before: one, after: other }];
}

function directionOf(
  manager: PackageManager,
  before: readonly string[],
  after: readonly string[],
): PackageDifference['change'] {
  const [[old, ...olds], [young, ...youngs]] = [before, after];
  if (old === undefined || young === undefined || olds.length > 0 || youngs.length > 0) return 'changed';
  const order = compareVersions(manager, young, old);
  // Nothing of both for two ways to write one version.
  return order > 0 ? 'upgraded' : order < 0 ? 'downgraded' : 'changed';
}

type NameOf = (one: InstalledPackage) => string;

/** What a package is called where names alone do not tell packages apart. */
function namesFor(packages: readonly InstalledPackage[]): NameOf {
  const architectures = new Map<string, Set<string>>();
  for (const { manager, name, architecture } of packages) {
    const key = `${manager} ${name}`;
    architectures.set(key, (architectures.get(key) ?? new Set()).add(architecture));
  }
  return ({ manager, name, architecture }) => {
    const several = (architectures.get(`${manager} ${name}`)?.size ?? 0) > 1;
    return several && architecture !== '' ? `${name}:${architecture}` : name;
  };
}

/** The versions by manager and name; rpm installs several of a kernel. */
function versionsBy(
  nameOf: NameOf,
  packages: readonly InstalledPackage[],
): ReadonlyMap<string, readonly string[]> {
  const versions = new Map<string, string[]>();
  for (const one of packages) {
    const key = `${one.manager} ${nameOf(one)}`;
    versions.set(key, [...(versions.get(key) ?? []), one.version].sort());
  }
  return versions;
}
