/** What to do about findings. */
import { didYouMean } from '../../../support/suggest.ts';
import type { YamlNode } from '../../../support/yaml.ts';
import { artifactKinds } from './artifact-kinds.ts';
import type { Form, Key, Keys, Section } from './forms.ts';
import { image, module } from './vocabulary.ts';

const scripts = 'scripts belong to modules: put it into the module.yaml of one and install that';

/** Keys that other files have: modules, and descriptors of dogen, which was there before CEKit. */
const elsewhere: Readonly<Record<string, string>> = {
  execute: scripts,
  scripts,
  sources: 'what dogen called sources are `artifacts`',
  dogen: 'it is for dogen and has no meaning any more',
};

/** For a key that is not known where it stands: where it belongs, or what it is a slip of. */
export function keyHint(name: string, keys: Keys, section: Section): string | undefined {
  const known = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined;
  if (known !== undefined) return known;
  const below = Object.entries(keys).filter(([, { form }]) => keysBelow(form).includes(name));
  if (below.length > 0) return `it belongs below ${list(below.map(([key]) => key))}`;
  const others = artifactKinds.filter(kind => Object.hasOwn(kind.section.keys, name));
  const own = artifactKinds.find(kind => kind.section === section);
  if (own !== undefined && others.length > 0) {
    const marks = others.map(({ marks }) => (marks.length > 1 ? 'a checksum' : `\`${marks.join()}\``));
    return `it belongs to artifacts with ${marks.join(' or ')}; this one has \`${own.marks[0]}\``;
  }
  const guess = didYouMean(name, Object.keys(keys));
  if (guess !== undefined) return guess;
  const isTop = section.keys === image.keys || section.keys === module.keys;
  if (!isTop && Object.hasOwn(image.keys, name)) return 'it belongs to the top level: check the indentation';
  return undefined;
}

/** For a value of the wrong type. */
export function formHint(node: YamlNode, form: Form): string | undefined {
  if (!('raw' in node)) return undefined;
  if (form === 'str' || form === 'text') {
    return node.kind === 'null' ? undefined : `put it in quotes: ${JSON.stringify(node.raw)}`;
  }
  if (node.kind !== 'string') return undefined;
  if (form === 'bool') return 'write true or false, without quotes';
  const [, number, protocol] = /^\s*(\d+)(?:\/(\w+))?\s*$/.exec(node.value) ?? [];
  if (number === undefined) return undefined;
  if (protocol !== undefined)
    return `write the number alone, and the protocol as a key: protocol: ${protocol}`;
  return `write it without quotes: ${number}`;
}

/** For an entry that should be a map of keys. */
export function sectionHint(section: Section, node: YamlNode): string | undefined {
  const [first] = Object.entries(section.keys).find(([, { required }]) => required) ?? [];
  if (first === undefined || !('raw' in node) || node.kind === 'null') return undefined;
  return `write it as a map: ${first}: ${node.raw}`;
}

/** For a key that needs a value and has none. */
export function nullHint(name: string, { form }: Key): string | undefined {
  return form === 'str' || form === 'text' ? `an empty text is written ${name}: ""` : undefined;
}

function keysBelow(form: Form): readonly string[] {
  if (typeof form === 'string') return [];
  if ('keys' in form) return Object.keys(form.keys);
  if ('section' in form) return Object.keys(form.section.keys);
  return [];
}

function list(keys: readonly string[]): string {
  return keys.map(key => `\`${key}\``).join(' or ');
}
