/** Which packages a stack has when each of its parts has installed, removed and upgraded some. */
import { clipped } from '../../support/cells.ts';
import type { Conflict } from '../types.ts';
import { compareVersions, type PackageManager } from './versions.ts';

/** One package as one tree has it. */
export interface PackageRecord {
  readonly version: string;
  /** Equal for records that say the same in every way. */
  readonly identity: string;
}

/** By name, as people write it where one name is not enough: `libc6:amd64`, `glibc.x86_64`. */
export type PackageRecords<T extends PackageRecord> = ReadonlyMap<string, T>;

export interface PackagesOfPart<T extends PackageRecord> {
  readonly name: string;
  readonly packages: PackageRecords<T>;
}

export interface MergedPackages<T extends PackageRecord> {
  /** In the order of the base, then of the parts. */
  readonly packages: PackageRecords<T>;
  readonly conflicts: readonly Conflict[];
}

/**
 * Three-way, package by package: what one part changed is in the result; where several parts did and have different
 * versions, that is a conflict at `path`, and the last one of them prevails.
 */
export function mergePackages<T extends PackageRecord>(
  manager: PackageManager,
  path: string,
  base: PackageRecords<T>,
  parts: readonly PackagesOfPart<T>[],
): MergedPackages<T> {
  const packages = new Map<string, T>();
  const conflicts: Conflict[] = [];
  for (const name of new Set([base, ...parts.map(part => part.packages)].flatMap(map => [...map.keys()]))) {
    const before = base.get(name);
    const opinions = opinionsOf(name, before, parts);
    const after = opinions.length === 0 ? before : opinions.at(-1)?.record;
    if (after !== undefined) packages.set(name, after);
    if (new Set(opinions.map(({ record }) => record?.version)).size > 1)
      conflicts.push(conflictOf(manager, path, name, opinions));
  }
  return { packages, conflicts };
}

interface Opinion<T> {
  readonly part: string;
  /** Undefined where the part removed it. */
  readonly record: T | undefined;
}

/** Installing the version again that was there says nothing against an upgrade or a removal. */
function opinionsOf<T extends PackageRecord>(
  name: string,
  before: T | undefined,
  parts: readonly PackagesOfPart<T>[],
): readonly Opinion<T>[] {
  const opinions = parts
    .map(part => ({ part: part.name, record: part.packages.get(name) }))
    .filter(({ record }) => record?.identity !== before?.identity);
  const others = opinions.filter(({ record }) => record?.version !== before?.version);
  return others.length > 0 ? others : opinions;
}

function conflictOf(
  manager: PackageManager,
  path: string,
  name: string,
  opinions: readonly Opinion<PackageRecord>[],
): Conflict {
  const versions = [...new Set(opinions.map(({ record }) => record?.version))];
  const known = versions.filter(version => version !== undefined);
  const newest = known.toSorted((a, b) => compareVersions(manager, b, a));
  const isNewest = (version: string) =>
    version === newest[0] && newest[1] !== undefined && compareVersions(manager, version, newest[1]) > 0;
  const sayings = versions.map(version => {
    const holders = opinions.filter(({ record }) => record?.version === version).map(({ part }) => part);
    const what = version === undefined ? 'removed' : clipped(version, LONGEST);
    return `${what} in ${holders.join(' and ')}${version !== undefined && isNewest(version) ? ' (newer)' : ''}`;
  });
  return {
    kind: versions.includes(undefined) ? 'removed' : 'package',
    path,
    parts: opinions.map(({ part }) => part),
    text: `package ${clipped(name, LONGEST)}: ${sayings.join(', ')}`,
  };
}

/** Characters of a name or version that are shown; honest ones have fewer. */
const LONGEST = 200;
