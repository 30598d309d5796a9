import { posix } from 'node:path';
import type { YamlNode } from '../../../support/yaml.ts';
import type { Located } from '../model.ts';
import type { ArtifactKind } from './forms.ts';
import { printPython } from './python.ts';

/** The name of an artifact: the one it is given, else what its kind makes of path or address; undefined if nothing. */
export function defaultName(
  kind: ArtifactKind['kind'],
  fields: ReadonlyMap<string, YamlNode>,
): (Located & { readonly given: boolean }) | undefined {
  const name = textField(fields, 'name');
  if (name !== undefined) return { ...name, given: true };
  const source = sourceOf(kind, fields);
  if (source === undefined) return undefined;
  // A slash at the end, which only says that it is a directory, does not count.
  const base = posix.basename(kind === 'url' ? source.text.trim() : source.text);
  const text = kind === 'git' ? (base.split('.')[0] ?? '') : base;
  return text === '' ? undefined : { text, at: source.at, given: false };
}

function sourceOf(kind: ArtifactKind['kind'], fields: ReadonlyMap<string, YamlNode>): Located | undefined {
  switch (kind) {
    case 'path':
    case 'image':
      return textField(fields, 'path');
    case 'url':
      return textField(fields, 'url');
    case 'git': {
      const git = fields.get('git');
      const url =
        git?.kind === 'map' ? git.entries.findLast(({ key }) => printPython(key) === 'url') : undefined;
      return url && { text: printPython(url.value), at: url.value.span };
    }
    case 'pnc':
      return textField(fields, 'target');
    case 'plain':
      return undefined;
  }
}

function textField(fields: ReadonlyMap<string, YamlNode>, name: string): Located | undefined {
  const node = fields.get(name);
  return node?.kind === 'string' ? { text: node.value, at: node.span } : undefined;
}
