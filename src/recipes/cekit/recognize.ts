import { AshlarError } from '../../support/errors.ts';
import { sourceText } from '../../support/source-text.ts';
import { parseYaml, textOf, type YamlNode } from '../../support/yaml.ts';

/**
 * Whether a text is meant as an image descriptor and not as a stacker file: that is never a list, and its values are
 * maps, while a descriptor says `name` and `version` as texts.
 */
export function isDescriptor(text: string): boolean {
  let node: YamlNode;
  try {
    node = parseYaml(sourceText('', text));
  } catch (error) {
    // Whoever reads it tells what is wrong.
    if (error instanceof AshlarError) return false;
    throw error;
  }
  if (node.kind === 'list') return true;
  return node.kind === 'map' && ['name', 'version'].some(name => isText(name, node.entries));
}

function isText(
  name: string,
  entries: readonly { readonly key: YamlNode; readonly value: YamlNode }[],
): boolean {
  const value = entries.find(({ key }) => textOf(key) === name)?.value;
  return value !== undefined && value.kind !== 'null' && textOf(value) !== undefined;
}
