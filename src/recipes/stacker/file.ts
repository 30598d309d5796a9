import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { canBeTag } from '../../oci/index.ts';
import { AshlarError, codeOf, type SourceSpan } from '../../support/errors.ts';
import { type SourceText, sourceText } from '../../support/source-text.ts';
import { parseYaml, showYaml, textOf, type YamlNode } from '../../support/yaml.ts';
import { readLenientMap } from './maps.ts';
import type { StackerOptions } from './options.ts';
import { type Substitution, substitute } from './substitute.ts';
import { configKeys } from './vocabulary.ts';

/** A stacker file after substitution, its layers not yet looked into. */
export interface StackerFile {
  /** Absolute. */
  readonly path: string;
  /** As the user typed it; absent for a file that only other files name. */
  readonly typed?: string;
  /** For messages: as typed, else the absolute path. */
  readonly name: string;
  /** Absolute: what relative paths in the file refer to. */
  readonly directory: string;
  /** The whole text, placeholders replaced. */
  readonly source: SourceText;
  readonly prerequisites: readonly Prerequisite[];
  /** In the order of the file. Names may occur twice. */
  readonly layers: readonly LayerText[];
}

interface Prerequisite {
  /** Absolute. */
  readonly path: string;
  readonly at: SourceSpan;
}

export interface LayerText {
  readonly name: string;
  readonly value: YamlNode;
  /** Of the name. */
  readonly at: SourceSpan;
}

/** Where a file was named: on the command line or as a prerequisite. */
export type Origin = { readonly typed: string } | { readonly prerequisite: Prerequisite };

/** Reads, substitutes and parses one file. */
export async function readStackerFile(
  path: string,
  origin: Origin,
  substitutions: readonly Substitution[],
  options: StackerOptions,
): Promise<StackerFile> {
  return parseStackerFile(await readSource(path, origin), origin, substitutions, options);
}

/** The file that a text stands for. */
export function parseStackerFile(
  original: SourceText,
  origin: Origin,
  substitutions: readonly Substitution[],
  options: StackerOptions,
): StackerFile {
  const source = substitute(original, substitutions, options);
  const name = nameOf(original.file, origin);
  const file = {
    path: source.file,
    ...('typed' in origin && { typed: origin.typed }),
    name,
    directory: dirname(source.file),
    source,
  };
  const top = parseOrExplain(source, name);
  if (top.kind === 'null') return { ...file, prerequisites: [], layers: [] };
  if (top.kind !== 'map') {
    throw new AshlarError(`couldn't parse stacker file ${name}`, {
      at: top.span,
      cause: new AshlarError(`expected a map of layers, found ${top.kind}`),
    });
  }

  const prerequisites: Prerequisite[] = [];
  const layers: LayerText[] = [];
  for (const { key, value } of top.entries) {
    if (key.kind !== 'string') {
      throw new AshlarError(`stackerfile: cannot cast ${showYaml(key)} to string`, {
        at: key.span,
        hint: 'raw' in key ? `put the name of the layer in quotes: "${key.raw}"` : undefined,
      });
    }
    if (key.value === 'config') prerequisites.push(...readConfig(value, file.directory, options));
    else layers.push({ name: checkLayerName(key.value, key.span), value, at: key.span });
  }
  return { ...file, prerequisites, layers };
}

async function readSource(path: string, origin: Origin): Promise<SourceText> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if ('prerequisite' in origin) {
      throw new AshlarError(`couldn't find prerequisite ${path}`, {
        at: origin.prerequisite.at,
        cause: error,
      });
    }
    const hint = codeOf(error) === 'ENOENT' ? 'name another file with -f' : undefined;
    throw new AshlarError("couldn't read stacker file", { cause: error, hint });
  });
  try {
    return sourceText(path, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const hint = 'the file must be text in UTF-8';
    throw new AshlarError(`couldn't parse stacker file ${nameOf(path, origin)}`, { cause: error, hint });
  }
}

function nameOf(path: string, origin: Origin): string {
  return 'typed' in origin ? origin.typed : path;
}

function parseOrExplain(source: SourceText, name: string): YamlNode {
  try {
    return parseYaml(source);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(`couldn't parse stacker file ${name}`, { at: error.at, cause: error });
  }
}

function readConfig(config: YamlNode, directory: string, options: StackerOptions): Prerequisite[] {
  if (config.kind === 'null') return [];
  if (config.kind !== 'map') {
    throw new AshlarError(
      "stackerfile: cannot interpret 'config' value, note the 'config' section in the stackerfile cannot contain a " +
        `layer definition ${showYaml(config)}`,
      { at: config.span },
    );
  }
  const prerequisites = readLenientMap(config, configKeys, "the 'config' section", options).get(
    'prerequisites',
  );
  if (prerequisites === undefined || prerequisites.kind === 'null') return [];
  if (prerequisites.kind !== 'list') {
    throw new AshlarError(`'prerequisites' expected a list of files, found ${prerequisites.kind}`, {
      at: prerequisites.span,
    });
  }
  return prerequisites.items.map(item => readPrerequisite(item, directory));
}

function readPrerequisite(item: YamlNode, directory: string): Prerequisite {
  const path = textOf(item);
  if (!path) {
    throw new AshlarError(`'prerequisites' expected a list of files, found ${showYaml(item)} in it`, {
      at: item.span,
    });
  }
  return { path: resolve(directory, path), at: item.span };
}

function checkLayerName(name: string, at: SourceSpan): string {
  if (name.includes(':')) {
    throw new AshlarError(`using ':' in the layer name (${name}) is forbidden due to overlay constraints`, {
      at,
    });
  }
  if (!canBeTag(name)) {
    throw new AshlarError(`layer name "${name}" cannot be the name of an image`, {
      at,
      hint: 'use at most 128 letters, digits, ".", "_" and "-", beginning with a letter, a digit or "_"',
    });
  }
  return name;
}
