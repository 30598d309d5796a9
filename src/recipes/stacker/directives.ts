import { resolve } from 'node:path';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { didYouMean } from '../../support/suggest.ts';
import {
  keyName,
  showYaml,
  textOf,
  type YamlEntry,
  type YamlMap,
  type YamlNode,
} from '../../support/yaml.ts';
import type { StackerFile } from './file.ts';
import { entriesOf } from './maps.ts';
import type { StackerOptions } from './options.ts';
import type { Keys } from './vocabulary.ts';

/** Where a directive is read: what its text is relative to and what messages about it name. */
export interface LayerContext {
  readonly layer: string;
  readonly file: StackerFile;
  readonly options: StackerOptions;
}

/** The entries of a map by name; every name is a known one. */
export type Directives = ReadonlyMap<string, YamlEntry>;

/** The entries of a map all of whose keys must be known; `what` they are called is for the message. */
export function readDirectives(
  map: YamlMap,
  known: Keys,
  what: string,
  { options }: LayerContext,
): Directives {
  const entries = entriesOf(map, options);
  for (const { key } of entries) {
    const name = keyName(key);
    if (!Object.hasOwn(known, name)) {
      throw new AshlarError(`stackerfile: unknown ${what} ${name}`, {
        at: key.span,
        hint: didYouMean(name, Object.keys(known)),
      });
    }
  }
  return new Map(entries.map(entry => [keyName(entry.key), entry]));
}

/** The value of a directive; undefined when it is absent or null. */
export function givenValue(directives: Directives, name: string): YamlNode | undefined {
  const value = directives.get(name)?.value;
  return value?.kind === 'null' ? undefined : value;
}

/** A text, printed from the typed scalar. Undefined when absent, null or empty. */
export function readText(directives: Directives, name: string): string | undefined {
  const value = givenValue(directives, name);
  return value && (scalarText(value, name) || undefined);
}

export function readFlag(directives: Directives, name: string): boolean {
  const value = givenValue(directives, name);
  if (value === undefined) return false;
  if (value.kind !== 'bool') throw expected(name, 'true or false', value);
  return value.value;
}

/** A map of texts, in the order of the file. A value that is null is empty text. */
export function readTextMap(
  directives: Directives,
  name: string,
  { options }: LayerContext,
): (readonly [key: string, value: string, at: SourceSpan])[] {
  const map = givenValue(directives, name);
  if (map === undefined) return [];
  if (map.kind !== 'map') throw expected(name, 'a map', map);
  return entriesOf(map, options).map(({ key, value }) => {
    const text = textOf(key);
    if (!text) throw expected(name, 'a name for each entry', key);
    return [text, scalarText(value, `${name}.${text}`), key.span] as const;
  });
}

/** A list of texts. */
export function readTextList(directives: Directives, name: string): { text: string; at: SourceSpan }[] {
  const list = givenValue(directives, name);
  if (list === undefined) return [];
  if (list.kind !== 'list') throw expected(name, 'a list', list);
  return list.items.map(item => ({ text: scalarText(item, name), at: item.span }));
}

/** A path of the host as absolute path; relative ones are relative to the stacker file. */
export function hostPath(path: string, { file }: LayerContext): string {
  return resolve(file.directory, path);
}

/** A path as written; empty when absent. */
export function readPath(node: YamlNode | undefined): string {
  return node === undefined ? '' : scalarText(node, 'path');
}

function scalarText(node: YamlNode, name: string): string {
  const text = textOf(node);
  if (text === undefined) throw expected(name, 'text', node);
  return text;
}

function expected(name: string, what: string, found: YamlNode): AshlarError {
  return new AshlarError(`'${name}' expected ${what}, found ${found.kind}: ${showYaml(found)}`, {
    at: found.span,
  });
}
