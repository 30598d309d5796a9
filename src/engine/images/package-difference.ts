/** Which packages two trees have, and in which versions. */
import { compareVersions, type PackageManager } from '../../stacking/index.ts';

/** Versions by name, by the manager whose database tells them. */
export type PackageLists = ReadonlyMap<PackageManager, ReadonlyMap<string, string>>;

export interface PackageDifference {
  readonly manager: PackageManager;
  readonly name: string;
  readonly change: 'installed' | 'removed' | 'upgraded' | 'downgraded' | 'changed';
  /** Versions; undefined where the package is not there. */
  readonly before?: string;
  readonly after?: string;
}

/** Sorted by manager and name. */
export function packageDifferences(before: PackageLists, after: PackageLists): readonly PackageDifference[] {
  const managers = [...new Set([...before.keys(), ...after.keys()])].sort();
  return managers.flatMap(manager => {
    const [old, young] = [before.get(manager) ?? new Map(), after.get(manager) ?? new Map()];
    const names = [...new Set<string>([...old.keys(), ...young.keys()])].sort();
    return names.flatMap(name => differenceOf(manager, name, old.get(name), young.get(name)));
  });
}

function differenceOf(
  manager: PackageManager,
  name: string,
  before: string | undefined,
  after: string | undefined,
): readonly PackageDifference[] {
  if (before === after) return [];
  if (before === undefined) return [{ manager, name, change: 'installed', ...(after && { after }) }];
  if (after === undefined) return [{ manager, name, change: 'removed', before }];
  const order = compareVersions(manager, after, before);
  // Two ways to write one version.
  const change = order > 0 ? 'upgraded' : order < 0 ? 'downgraded' : 'changed';
  return [{ manager, name, change, before, after }];
}
