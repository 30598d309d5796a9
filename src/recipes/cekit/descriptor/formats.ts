/** Tells CEKit's descriptors from stacker files. */
import { AshlarError } from '../../../support/errors.ts';
import type { SourceText } from '../../../support/source-text.ts';
import { parseYaml, type YamlNode } from '../../../support/yaml.ts';
import { fieldsOf } from './check.ts';
import { resolvePythonScalar } from './python.ts';

/** What a text describes images for, as far as its shape tells; undefined for text that is neither. */
export function describes(source: SourceText): 'cekit' | 'stacker' | undefined {
  try {
    const node = parseYaml(source, resolvePythonScalar);
    if (looksLikeStacker(node)) return 'stacker';
    const images = node.kind === 'list' ? node.items : [node];
    return images.length > 0 && images.every(looksLikeImage) ? 'cekit' : undefined;
  } catch (error) {
    // What is wrong with it is said when it is read.
    if (error instanceof AshlarError) return undefined;
    throw error;
  }
}

/** A map of layers: everything in it is a map, and one at least says what it starts from. */
export function looksLikeStacker(node: YamlNode): boolean {
  const values = [...fieldsOf(node).values()];
  return values.every(({ kind }) => kind === 'map') && values.some(value => fieldsOf(value).has('from'));
}

function looksLikeImage(node: YamlNode): boolean {
  const fields = fieldsOf(node);
  return ['name', 'version'].every(key => {
    const value = fields.get(key);
    return value !== undefined && value.kind !== 'list' && value.kind !== 'map';
  });
}
