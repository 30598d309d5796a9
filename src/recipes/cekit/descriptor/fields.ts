/** Values out of maps that have passed the check: what the schemas rule out is not asked again. */
import type { YamlNode } from '../../../support/yaml.ts';
import type { Located } from '../model.ts';
import { fieldsOf } from './check.ts';
import { printPython } from './python.ts';
import type { LocatedFlag, LocatedNumber, LocatedPath, Plain, RawWords } from './types.ts';

/** The values of one map by their keys, and the directory that paths among them are relative to. */
export interface Fields {
  readonly node: YamlNode;
  readonly values: ReadonlyMap<string, YamlNode>;
  readonly directory: string;
}

export function openFields(node: YamlNode | undefined, { directory, node: parent }: Fields): Fields {
  return { node: node ?? parent, values: fieldsOf(node), directory };
}

/** The map below a key; an empty one where there is none. */
export function mapField(fields: Fields, key: string): Fields {
  return openFields(fields.values.get(key), fields);
}

/** What is made of each map of the list below a key. */
export function listField<T>(fields: Fields, key: string, read: (fields: Fields) => T): T[] {
  return itemsOf(fields.values.get(key)).map(item => read(openFields(item, fields)));
}

export function textField({ values }: Fields, key: string): Located | undefined {
  return nullableText(values.get(key)) ?? undefined;
}

/** `null` where a value is there and empty. */
export function nullableTextField({ values }: Fields, key: string): Located | null | undefined {
  return nullableText(values.get(key));
}

/** For keys that must be there. */
export function requiredText(fields: Fields, key: string): Located {
  return textField(fields, key) ?? { text: '', at: fields.node.span };
}

export function pathField(fields: Fields, key: string): LocatedPath | undefined {
  const text = textField(fields, key);
  return text && { ...text, directory: fields.directory };
}

export function numberField({ values }: Fields, key: string): LocatedNumber | undefined {
  const node = values.get(key);
  return node?.kind === 'int' ? { value: Number(node.value), at: node.span } : undefined;
}

export function flagField({ values }: Fields, key: string): LocatedFlag | undefined {
  const node = values.get(key);
  return node?.kind === 'bool' ? { value: node.value, at: node.span } : undefined;
}

export function textsField({ values }: Fields, key: string): Located[] {
  return itemsOf(values.get(key)).map(located);
}

export function numbersField({ values }: Fields, key: string): LocatedNumber[] {
  return itemsOf(values.get(key)).flatMap(node =>
    node.kind === 'int' ? [{ value: Number(node.value), at: node.span }] : [],
  );
}

export function wordsField({ values }: Fields, key: string): RawWords | null | undefined {
  const node = values.get(key);
  if (node === undefined) return undefined;
  return node.kind === 'null' ? null : { words: itemsOf(node).map(located), at: node.span };
}

export function located(node: YamlNode): Located {
  return { text: printPython(node), at: node.span };
}

export function plainOf(node: YamlNode): Plain {
  switch (node.kind) {
    case 'null':
      return null;
    case 'list':
      return node.items.map(plainOf);
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [printPython(key), plainOf(value)]));
    case 'int':
      return Number(node.value);
    case 'float':
      // JSON has no word for the others.
      return Number.isFinite(node.value) ? node.value : printPython(node);
    default:
      return node.value;
  }
}

function itemsOf(node: YamlNode | undefined): readonly YamlNode[] {
  return node?.kind === 'list' ? node.items : [];
}

function nullableText(node: YamlNode | undefined): Located | null | undefined {
  if (node === undefined) return undefined;
  return node.kind === 'null' ? null : located(node);
}
