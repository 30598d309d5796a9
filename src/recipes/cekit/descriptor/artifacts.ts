import { checksumAlgorithms } from '../../../plan/checksums.ts';
import { AshlarError } from '../../../support/errors.ts';
import { given } from '../../../support/given.ts';
import { originAlgorithms } from './artifact-kinds.ts';
import { defaultName } from './artifact-names.ts';
import { parseMode, parseOwner } from './attributes.ts';
import { kindOf, type Listener } from './check.ts';
import {
  type Fields,
  located,
  mapField,
  numberField,
  pathField,
  plainOf,
  requiredText,
  textField,
} from './fields.ts';
import type { ArtifactKind } from './forms.ts';
import type {
  LocatedPath,
  Plain,
  RawArtifact,
  RawChecksums,
  RawModuleRepository,
  RawOrigin,
} from './types.ts';

export function readArtifact(fields: Fields, listener: Listener): RawArtifact {
  const kind = kindOf(fields.values)?.kind ?? 'plain';
  const base = readCommon(fields, kind, listener);
  switch (kind) {
    case 'path':
      return { ...base, kind, path: requiredPath(fields, 'path'), checksums: readChecksums(fields) };
    case 'url': {
      const url = requiredPath(fields, 'url');
      const trimmed = { ...url, text: url.text.trim() };
      return { ...base, kind, url: trimmed, checksums: readChecksums(fields), origin: readOrigin(fields) };
    }
    case 'plain':
      return { ...base, kind, checksums: readChecksums(fields), origin: readOrigin(fields) };
    case 'image':
      return { ...base, kind, image: requiredText(fields, 'image'), path: requiredText(fields, 'path') };
    case 'pnc': {
      const buildId = requiredText(fields, 'pnc_build_id');
      const artifactId = requiredText(fields, 'pnc_artifact_id');
      return { ...base, kind, buildId, artifactId, ...given({ url: textField(fields, 'url') }) };
    }
    case 'git': {
      const git = mapField(fields, 'git');
      return { ...base, kind, url: requiredText(git, 'url'), ref: requiredText(git, 'ref') };
    }
  }
}

/** What holds modules; the check has ruled other kinds out. */
export function readModuleRepository(fields: Fields, listener: Listener): RawModuleRepository {
  const artifact = readArtifact(fields, listener);
  if (artifact.kind === 'path' || artifact.kind === 'git') return artifact;
  throw new AshlarError('module repositories are directories or git repositories', { at: artifact.at });
}

function readCommon(fields: Fields, kind: ArtifactKind['kind'], { info }: Listener) {
  const { node, directory, values } = fields;
  const named = defaultName(kind, values) ?? { text: '', at: node.span, given: true };
  if (!named.given) {
    info(
      `No value found for 'name' in '${showJson(values, kind)}' artifact; using auto-generated value of '${named.text}'`,
    );
  }
  return {
    name: { text: named.text, at: named.at },
    ...given({
      target: textField(fields, 'target'),
      dest: textField(fields, 'dest'),
      description: textField(fields, 'description'),
      ...readAttributes(fields),
    }),
    directory,
    at: node.span,
  };
}

function readAttributes(fields: Fields) {
  const { values } = fields;
  const mode = values.get('mode');
  const owner = values.get('owner');
  const bits = mode && parseMode(mode);
  const ids = owner && parseOwner(owner);
  const at = owner?.span;
  return {
    mode: mode && bits !== undefined ? { value: bits, at: mode.span } : undefined,
    uid: ids && at ? { value: ids.uid, at } : numberField(fields, 'uid'),
    gid: ids?.gid !== undefined && at ? { value: ids.gid, at } : numberField(fields, 'gid'),
  };
}

function readChecksums(fields: Fields): RawChecksums {
  return Object.fromEntries(
    checksumAlgorithms.flatMap(algorithm => {
      const sum = textField(fields, algorithm);
      return sum === undefined ? [] : [[algorithm, sum]];
    }),
  );
}

function readOrigin(fields: Fields): RawOrigin {
  const sums = originAlgorithms.flatMap(algorithm => {
    const sum = textField(fields, `source-${algorithm}`);
    return sum === undefined ? [] : [[algorithm, sum] as const];
  });
  return { ...given({ url: textField(fields, 'source-url') }), checksums: Object.fromEntries(sums) };
}

function requiredPath(fields: Fields, key: string): LocatedPath {
  return pathField(fields, key) ?? { ...located(fields.node), directory: fields.directory };
}

/** The map as Python's `json.dumps` writes it, keys sorted. */
function showJson(values: Fields['values'], kind: ArtifactKind['kind']): string {
  const map = Object.fromEntries([...values].map(([key, node]) => [key, plainOf(node)]));
  return writeJson(kind === 'git' ? map : { dest: '/tmp/artifacts/', ...map });
}

function writeJson(value: Plain): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}: ${writeJson(item)}`).join(', ')}}`;
}
