import { didYouMean } from '../../support/suggest.ts';
import { keyName, uniqueEntries, type YamlEntry, type YamlMap, type YamlNode } from '../../support/yaml.ts';
import type { StackerOptions } from './options.ts';
import type { Keys } from './vocabulary.ts';

/** The entries of a map; of a key that is given twice the last one counts, with a warning. */
export function entriesOf(map: YamlMap, { warn }: StackerOptions): YamlEntry[] {
  return uniqueEntries(map, (message, at) => warn(message, at, 'repeated-key'));
}

/** The values of the known keys. Others are ignored with a warning that names `what` they are in. */
export function readLenientMap(
  map: YamlMap,
  known: Keys,
  what: string,
  options: StackerOptions,
): ReadonlyMap<string, YamlNode> {
  const fields = new Map<string, YamlNode>();
  for (const { key, value } of entriesOf(map, options)) {
    const name = keyName(key);
    if (Object.hasOwn(known, name)) {
      fields.set(name, value);
      continue;
    }
    const guess = didYouMean(name, Object.keys(known));
    const text = `unknown key '${name}' in ${what} is ignored${guess === undefined ? '' : `: ${guess}`}`;
    options.warn(text, key.span, 'unknown-key');
  }
  return fields;
}
