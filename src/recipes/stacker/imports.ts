import { posix } from 'node:path';
import type { CopyStep, FileSource, HttpSource, ImageSource, Import } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { keyName, showYaml, type YamlMap, type YamlNode } from '../../support/yaml.ts';
import { schemeOf } from '../references.ts';
import { type Directives, givenValue, hostPath, type LayerContext } from './directives.ts';
import { readLenientMap } from './maps.ts';
import { readHash, remoteSource } from './source.ts';
import { importKeys } from './vocabulary.ts';

export interface Imports {
  /** Those without `dest`, for run steps to see. */
  readonly imports: readonly Import[];
  /** Those with `dest`. */
  readonly copies: readonly CopyStep[];
  /** Whether the deprecated `import` brought them, so that they belong in `/stacker` itself. */
  readonly legacy: boolean;
}

type ImportSource = FileSource | HttpSource | ImageSource;

/** One entry of the list as it stands there. */
interface Entry {
  readonly path: string;
  readonly sha256?: string;
  readonly dest?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly at: SourceSpan;
}

/** The directives `imports` and `import`. */
export function readImports(directives: Directives, context: LayerContext): Imports {
  const { layer, file, options } = context;
  const today = readEntries(givenValue(directives, 'imports'), context);
  const deprecated = readLegacyEntries(givenValue(directives, 'import'), context);
  const legacy = deprecated.length > 0;
  const at = directives.get('import')?.key.span;
  if (legacy && today.length > 0) {
    throw new AshlarError(`layer '${layer}' cannot have both 'import' and 'imports'`, { at });
  }
  if (legacy) {
    options.warn(
      `'import' directive used in layer '${layer}' inside file '${file.name}' is deprecated. Support for 'import' ` +
        "will be removed in releases after 2025-01-01. Migrate by changing 'import' to 'imports' and '/stacker' to " +
        "'/stacker/imports'. See https://github.com/project-stacker/stacker/issues/571 for migration.",
      at,
      'deprecated',
    );
  }

  const imports: Import[] = [];
  const copies: CopyStep[] = [];
  for (const entry of legacy ? deprecated : today) {
    const source = sourceOf(entry, context);
    if (entry.dest === undefined) imports.push(toImport(entry, source));
    else copies.push(toCopy(entry, entry.dest, source, layer));
  }
  warnAboutCollisions(imports, context);
  return { imports, copies, legacy };
}

/** The deprecated form split a string at its line breaks, and took one entry without a list around it. */
function readLegacyEntries(value: YamlNode | undefined, context: LayerContext): Entry[] {
  if (value?.kind === 'map') return [readEntry(value, context)];
  if (value?.kind !== 'string') return readEntries(value, context);
  const lines = value.value.split('\n').filter(line => line.trim() !== '');
  return lines.map(line => ({ path: line.trim(), at: value.span }));
}

function readEntries(value: YamlNode | undefined, context: LayerContext): Entry[] {
  if (value === undefined) return [];
  switch (value.kind) {
    case 'string':
      return value.value === '' ? [] : [{ path: value.value, at: value.span }];
    case 'list':
      return value.items.map(item => readEntry(item, context));
    default:
      throw new AshlarError(`'imports' expected an array, found ${value.kind}: ${showYaml(value)}`, {
        at: value.span,
        hint: value.kind === 'map' ? 'write it as an entry of a list, with "- " before it' : undefined,
      });
  }
}

function readEntry(node: YamlNode, context: LayerContext): Entry {
  if (node.kind === 'string' && node.value !== '') return { path: node.value, at: node.span };
  if (node.kind !== 'map') {
    throw new AshlarError(`could not read imports entry: ${showYaml(node)}`, { at: node.span });
  }
  const odd = node.entries.find(({ key }) => key.kind !== 'string');
  if (odd !== undefined) {
    throw new AshlarError(`key '${keyName(odd.key)}' in import is not a string: ${showYaml(node)}`, {
      at: odd.key.span,
    });
  }
  const fields = readLenientMap(node, importKeys, 'import', context.options);
  const hash = stringField(fields, 'hash', node);
  const path = stringField(fields, 'path', node);
  const dest = stringField(fields, 'dest', node);
  const mode = modeField(fields, node, context);
  if (!path) throw new AshlarError(`No 'path' entry found in import: ${showYaml(node)}`, { at: node.span });
  if (dest && !dest.startsWith('/')) {
    throw new AshlarError(`'dest' path cannot be relative for: ${showYaml(node)}`, {
      at: fields.get('dest')?.span,
    });
  }
  const sha256 = hash && readHash(hash, fields.get('hash')?.span ?? node.span);
  const uid = idField(fields, 'uid', node);
  const gid = idField(fields, 'gid', node);
  return {
    path,
    ...(sha256 && { sha256 }),
    ...(dest && { dest }),
    ...(mode !== undefined && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    at: fields.get('path')?.span ?? node.span,
  };
}

function stringField(fields: ReadonlyMap<string, YamlNode>, key: string, node: YamlMap): string | undefined {
  const value = fields.get(key);
  if (value === undefined || value.kind === 'string') return value?.value;
  const isScalar = value.kind !== 'list' && value.kind !== 'map' && value.kind !== 'null';
  throw new AshlarError(`value for '${key}' in import is not a string: ${showYaml(node)}`, {
    at: value.span,
    hint: isScalar ? 'put it in quotes' : undefined,
  });
}

function integerField(fields: ReadonlyMap<string, YamlNode>, key: string, node: YamlMap): number | undefined {
  const value = fields.get(key);
  if (value === undefined || value.kind === 'int') return value && Number(value.value);
  throw new AshlarError(`value for '${key}' in import is not an integer: ${showYaml(node)}`, {
    at: value.span,
    hint: value.kind === 'string' ? 'write the number without quotes' : undefined,
  });
}

function modeField(
  fields: ReadonlyMap<string, YamlNode>,
  node: YamlMap,
  { options }: LayerContext,
): number | undefined {
  const mode = integerField(fields, 'mode', node);
  const value = fields.get('mode');
  if (mode === undefined || value === undefined) return undefined;
  if (mode < 0 || mode > 0o7777) {
    throw new AshlarError(`'mode' (${mode}) is not a file mode: ${showYaml(node)}`, {
      at: value.span,
      hint: 'write it in octal, like 0755',
    });
  }
  // Numbers that are meant as decimal, such as 420 and 493, stay below; 644 and 755 do not.
  if ('raw' in value && /^[1-7][0-7]{2,3}$/.test(value.raw) && mode > 0o777) {
    options.warn(
      `'mode' ${value.raw} is a decimal number, in octal 0${mode.toString(8)}: did you mean 0${value.raw}?`,
      value.span,
      'decimal-mode',
    );
  }
  return mode;
}

function idField(
  fields: ReadonlyMap<string, YamlNode>,
  key: 'uid' | 'gid',
  node: YamlMap,
): number | undefined {
  const id = integerField(fields, key, node);
  const at = fields.get(key)?.span;
  if (id === undefined) return undefined;
  if (id < 0) throw new AshlarError(`'${key}' (${id}) cannot be negative: ${showYaml(node)}`, { at });
  // The largest value means "no change" to chown(2).
  if (id >= 2 ** 32 - 1) throw new AshlarError(`'${key}' (${id}) is too large: ${showYaml(node)}`, { at });
  return id;
}

function sourceOf(entry: Entry, context: LayerContext): ImportSource {
  const { path, sha256, at } = entry;
  const common = { ...(sha256 && { checksums: { sha256 } }), at };
  if (schemeOf(path) !== undefined) return remoteSource(path, common, context);
  const absolute = hostPath(path, context);
  const missing = `couldn't stat import ${absolute}`;
  const file: FileSource = { ...common, kind: 'file', path: absolute, messages: { missing } };
  return path.endsWith('/')
    ? { ...file, directory: true, messages: { missing, notDirectory: missing } }
    : file;
}

function toImport(entry: Entry, source: ImportSource): Import {
  const { mode, uid, gid, at } = entry;
  return {
    name: baseName(entry, source),
    source,
    ...(mode !== undefined && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    at,
  };
}

/** The final path: only a `dest` with a trailing slash for a source without one takes the source's name. */
function toCopy(entry: Entry, dest: string, source: ImportSource, layer: string): CopyStep {
  const into = dest.endsWith('/') && !entry.path.endsWith('/');
  return {
    kind: 'copy',
    items: [
      {
        source,
        target: posix.resolve(into ? posix.join(dest, baseName(entry, source)) : dest),
        keep: 'content',
        ...(entry.mode !== undefined && { mode: entry.mode }),
        uid: entry.uid ?? 0,
        gid: entry.gid ?? 0,
        at: entry.at,
      },
    ],
    createdBy: `stacker overlay dir for ${layer}`,
    at: entry.at,
  };
}

/** The last component of the source's path; of a URL everything after the last slash, query included. */
function baseName(entry: Entry, source: ImportSource): string {
  const name =
    source.kind === 'http' ? source.url.slice(source.url.lastIndexOf('/') + 1) : posix.basename(source.path);
  if (name !== '' && name !== '.' && name !== '..') return name;
  throw new AshlarError(`import has no file name: ${entry.path}`, {
    at: entry.at,
    hint: 'name a file or directory, or give a dest',
  });
}

function warnAboutCollisions(imports: readonly Import[], { layer, options }: LayerContext): void {
  const names = new Set<string>();
  for (const { name, at } of imports) {
    if (names.has(name))
      options.warn(
        `layer '${layer}' has several imports named '${name}', the last one counts`,
        at,
        'shadowed-import',
      );
    names.add(name);
  }
}
