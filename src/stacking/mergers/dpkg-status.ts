/** The list of installed packages of dpkg: `/var/lib/dpkg/status`. */
import { type ByteString, toText } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { mergePackages, type PackageRecord } from '../packages/merge.ts';
import type { Conflict } from '../types.ts';
import { trimmed, withoutLastNewlines } from './lines.ts';
import { type Fields, fieldsOf, reconcileStanza, type StanzaKind, stanzasOf, startOf } from './stanzas.ts';
import type { TextSide } from './texts.ts';

/** A package as one tree has it. */
export interface Installed extends PackageRecord {
  readonly name: string;
  readonly architecture: string;
  /** Its files are there, and not only what removing it left. */
  readonly present: boolean;
  /** The stanza, without its last newline. */
  readonly identity: ByteString;
}

/** By name, and by architecture too where several may be installed: as the files in `info` are called. */
export type Status = ReadonlyMap<string, Installed>;

export interface MergedStatus {
  readonly text: ByteString;
  readonly packages: Status;
  readonly base: Status;
  /** In the order of the sides. */
  readonly sides: readonly Status[];
  readonly conflicts: readonly Conflict[];
}

/** Throws an AshlarError at a stanza that cannot be understood. */
export function readStatus(text: ByteString): Status {
  const packages = new Map<string, Installed>();
  for (const stanza of stanzasOf(text)) {
    const fields = fieldsOf(stanza);
    const name = packageKey(fields);
    if (name === undefined) throw new AshlarError(`a stanza has no package: ${startOf(stanza)}`);
    if (packages.has(name)) throw new AshlarError(`it has two stanzas of the package ${name}`);
    packages.set(name, installed(fields, stanza));
  }
  return packages;
}

function packageKey(fields: Fields): string | undefined {
  const name = value(fields, 'Package');
  if (name === undefined) return undefined;
  const several = value(fields, 'Multi-Arch') === 'same';
  return several ? `${name}:${value(fields, 'Architecture') ?? ''}` : name;
}

function installed(fields: Fields, stanza: ByteString): Installed {
  const version = value(fields, 'Version') ?? '(none)';
  const [, , state = 'installed'] = (value(fields, 'Status') ?? '').split(' ');
  const present = state !== 'config-files' && state !== 'not-installed';
  return {
    name: value(fields, 'Package') ?? '',
    architecture: value(fields, 'Architecture') ?? '',
    // A package that is removed but for its configuration is another state than the same version installed.
    version: present ? version : `${version} (${state})`,
    present,
    identity: stanza,
  };
}

function value(fields: Fields, name: string): string | undefined {
  const text = toText(trimmed(fields.get(name) ?? ''));
  return text === '' ? undefined : text;
}

const STANZA: StanzaKind = {
  subject: 'package',
  keyOf: packageKey,
  fields: { Conffiles: 'lines', 'Triggers-Pending': 'words', 'Triggers-Awaited': 'list' },
};

/** Package by package; of one version, field by field. In the order of names where all parts have that, as dpkg does. */
export function mergeStatus(path: string, base: ByteString, sides: readonly TextSide[]): MergedStatus {
  const before = readStatus(base);
  const parts = sides.map(({ part, text }) => ({ name: part, packages: readStatus(text) }));
  const merged = mergePackages('dpkg', path, before, parts);
  const conflicts = [...merged.conflicts];
  const packages = new Map<string, Installed>();
  for (const [name, chosen] of merged.packages) {
    const old = before.get(name);
    const changes = parts
      .map(part => ({ part: part.name, record: part.packages.get(name) }))
      .filter(({ record }) => record?.version === chosen.version && record.identity !== old?.identity);
    const texts = new Set(changes.map(({ record }) => record?.identity));
    if (texts.size < 2) {
      packages.set(name, chosen);
      continue;
    }
    const { text = '', conflicts: found } = reconcileStanza(STANZA, {
      ...{ path, key: name },
      base: old?.version === chosen.version ? old.identity : undefined,
      sides: changes.map(({ part, record }) => ({ part, text: record?.identity })),
    });
    packages.set(name, { ...chosen, identity: withoutLastNewlines(text) });
    conflicts.push(...found);
  }
  const sorted = [before, ...parts.map(part => part.packages)].every(isSorted);
  const all = [...packages.values()];
  const ordered = sorted ? all.toSorted(byName) : all;
  return {
    text: ordered.map(({ identity }) => `${identity}\n\n`).join(''),
    ...{ packages, conflicts, base: before },
    sides: parts.map(part => part.packages),
  };
}

function isSorted(status: Status): boolean {
  const all = [...status.values()];
  return all.every((one, i) => i === 0 || byName(all[i - 1] ?? one, one) <= 0);
}

function byName(a: Installed, b: Installed): number {
  return compare(a.name, b.name) || compare(a.architecture, b.architecture);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
