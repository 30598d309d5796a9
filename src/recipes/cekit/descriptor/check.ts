/** Holds a descriptor against the schemas, in the words of CEKit. */
import { AshlarError, AshlarErrors, type SourceSpan } from '../../../support/errors.ts';
import { didYouMean } from '../../../support/suggest.ts';
import { uniqueEntries, type YamlEntry, type YamlMap, type YamlNode } from '../../../support/yaml.ts';
import { readOutputs } from '../../outputs.ts';
import { artifactKinds } from './artifact-kinds.ts';
import { defaultName } from './artifact-names.ts';
import { parseMode, parseOwner } from './attributes.ts';
import type { ArtifactKind, Form, Keys, Section } from './forms.ts';
import { formHint, keyHint, nullHint, sectionHint } from './hints.ts';
import { isBase60, printPython, quotePython } from './python.ts';
import { image, module, overrides } from './vocabulary.ts';

/** Who is told of what is odd, but no error. */
export interface Listener {
  readonly warn: (message: string, at?: SourceSpan) => void;
  readonly info: (message: string) => void;
}

/** Something that is wrong with a descriptor; `section` names the schema that says so, if one does. */
interface Finding {
  readonly error: AshlarError;
  readonly section?: string;
}

interface Check {
  readonly findings: Finding[];
  readonly warn: Listener['warn'];
}

/** A place in the descriptor: the item, as people call it, and the path in it, as CEKit does. */
interface Place {
  readonly section: Section;
  readonly item: string;
  readonly path: string;
}

/**
 * Throws all that is wrong with a descriptor, or with several that are given as one list. What holds for one section
 * holds for all of its name.
 */
export function checkSections(
  nodes: readonly { readonly node: YamlNode; readonly item: string }[],
  section: Section,
  { warn }: Listener,
): void {
  const check: Check = { findings: [], warn };
  for (const { node, item } of nodes) checkSection(check, node, section, item);
  const { findings } = check;
  if (findings.length === 0) return;
  const schemas = new Set(findings.flatMap(({ section: name }) => name ?? []));
  const [first] = findings;
  if (schemas.size === 0 && findings.length === 1 && first !== undefined) throw first.error;
  const sums = [...schemas].map(name => `Cannot validate schema: ${name}`);
  if (schemas.size === 0 || findings.length > maxShown) sums.unshift(`${findings.length} errors`);
  throw new AshlarErrors(
    sums.join('\n'),
    findings.slice(0, maxShown).map(({ error }) => error),
  );
}

// Nobody reads more at a time.
const maxShown = 50;

const topLevels: readonly Section[] = [image, module, overrides];

/** The entries of a map by their keys; of a key that is there twice the last one. Nothing where there is no map. */
export function fieldsOf(node: YamlNode | undefined): ReadonlyMap<string, YamlNode> {
  if (node?.kind !== 'map') return new Map();
  return new Map(node.entries.map(({ key, value }) => [printPython(key), value]));
}

/** The kind of an artifact, by the first key that tells. */
export function kindOf(fields: ReadonlyMap<string, YamlNode>): ArtifactKind | undefined {
  return artifactKinds.find(({ marks }) => marks.some(mark => fields.has(mark)));
}

function checkSection(check: Check, node: YamlNode, section: Section, item: string): void {
  const place = { section, item, path: '' };
  if (node.kind !== 'map') {
    report(
      check,
      place,
      node.span,
      `${valueText(node)} is not a dict. Value path: ''`,
      sectionHint(section, node),
    );
    return;
  }
  checkMap(check, node, section.keys, place);
  checkExclusions(check, node, place);
}

function checkMap(check: Check, map: YamlMap, keys: Keys, place: Place): void {
  const entries = uniqueEntries(map, check.warn);
  const names = new Set(entries.map(({ key }) => printPython(key)));
  for (const [name, { required }] of Object.entries(keys)) {
    if (!required || names.has(name)) continue;
    report(check, place, map.span, `Cannot find required key '${name}'. Path: '${place.path}'`);
  }
  for (const entry of entries) checkEntry(check, entry, keys, place);
}

function checkEntry(check: Check, { key, value }: YamlEntry, keys: Keys, place: Place): void {
  const name = printPython(key);
  const known = Object.hasOwn(keys, name) ? keys[name] : undefined;
  if (known === undefined) {
    if (place.section.open) return;
    const message = `Key '${name}' was not defined. Path: '${place.path}'`;
    report(check, place, key.span, message, keyHint(name, keys, place.section));
    return;
  }
  const path = `${place.path}/${name}`;
  if (value.kind !== 'null') checkForm(check, value, known.form, { ...place, path });
  else if (known.required)
    report(check, place, key.span, `required.novalue : '${path}'`, nullHint(name, known));
}

function checkForm(check: Check, node: YamlNode, form: Form, place: Place): void {
  if (typeof form === 'string') checkValue(check, node, form, place);
  else if ('words' in form) checkWord(check, node, form, place);
  else if ('listOf' in form) checkList(check, node, form.listOf, place);
  else if ('keys' in form) {
    if (node.kind === 'map') checkMap(check, node, form.keys, place);
    else report(check, place, node.span, `${valueText(node)} is not a dict. Value path: '${place.path}'`);
  } else if ('section' in form) checkSection(check, node, form.section, itemOf(place));
  else if ('items' in form) checkItems(check, node, form.items, place);
  else checkArtifacts(check, node, form.artifacts, place);
}

function checkValue(check: Check, node: YamlNode, form: Extract<Form, string>, place: Place): void {
  switch (form) {
    case 'mode':
    case 'id':
    case 'owner': {
      const problem = attributeProblem(node, form);
      if (problem !== undefined)
        report(check, place, node.span, `${valueText(node)} ${problem}. Path: '${place.path}'`);
      return;
    }
    case 'port':
      checkValue(check, node, 'int', place);
      if (node.kind === 'int' && (node.value < 0n || node.value > 65535n))
        report(
          check,
          place,
          node.span,
          `${valueText(node)} is not the number of a port. Path: '${place.path}'`,
        );
      return;
    case 'outputs':
      checkOutputs(check, node);
      return;
    case 'names by architecture':
      if (node.kind !== 'map') {
        report(check, place, node.span, `${valueText(node)} is not a dict. Value path: '${place.path}'`);
        return;
      }
      for (const { key, value } of uniqueEntries(node, check.warn)) {
        const path = `${place.path}/${printPython(key)}`;
        if (value.kind !== 'null') checkList(check, value, 'text', { ...place, path });
      }
      return;
    default:
      if (!fits(node, form)) {
        const message = `${valueText(node)} is not of type '${form}'. Path: '${place.path}'`;
        report(check, place, node.span, message, formHint(node, form));
      } else if (isBase60(node)) {
        check.warn(`${printRaw(node)} is the number ${printPython(node)} here: put it in quotes`, node.span);
      }
  }
}

function checkOutputs(check: Check, node: YamlNode): void {
  try {
    readOutputs(node, check.warn);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    check.findings.push({ error });
  }
}

function fits(node: YamlNode, form: 'str' | 'text' | 'int' | 'bool' | 'any'): boolean {
  switch (form) {
    case 'str':
      return node.kind === 'string';
    case 'text':
      return node.kind === 'string' || node.kind === 'int' || node.kind === 'float';
    case 'any':
      return true;
    default:
      return node.kind === form;
  }
}

function attributeProblem(node: YamlNode, form: 'mode' | 'id' | 'owner'): string | undefined {
  if (form === 'mode') return parseMode(node) === undefined ? 'is not a file mode like 0755' : undefined;
  if (form === 'owner')
    return parseOwner(node) === undefined ? 'is not an owner like 1001 or 1001:0' : undefined;
  const isId = node.kind === 'int' && node.value >= 0n && node.value < 2n ** 32n - 1n;
  return isId ? undefined : 'is not the number of a user or group';
}

function checkWord(
  check: Check,
  node: YamlNode,
  form: Extract<Form, { readonly words: unknown }>,
  place: Place,
): void {
  const text = printPython(node);
  if (node.kind === 'string' && (form.words.includes(text) || Object.hasOwn(form.aliases, text))) return;
  const words = `[${form.words.map(quotePython).join(', ')}]`;
  report(
    check,
    place,
    node.span,
    `Enum '${shorten(text)}' does not exist. Path: '${place.path}' Enum: ${words}`,
    didYouMean(text, form.words),
  );
}

function checkList(check: Check, node: YamlNode, form: 'str' | 'text' | 'int', place: Place): void {
  if (node.kind !== 'list') {
    const hint = node.kind === 'map' ? undefined : `write it as a list: [${quote(node)}]`;
    report(check, place, node.span, `${valueText(node)} is not a list. Value path: '${place.path}'`, hint);
    return;
  }
  for (const [index, item] of node.items.entries()) {
    checkValue(check, item, form, { ...place, path: `${place.path}/${index}` });
  }
}

function checkItems(check: Check, node: YamlNode, section: Section, place: Place): void {
  // The lists of the top level are checked item by item only.
  const reporting = topLevels.includes(place.section) ? section : place.section;
  for (const [index, item] of itemsOf(check, node, { ...place, section: reporting })) {
    checkSection(check, item, section, `${itemOf(place)}[${index}]`);
  }
}

function checkArtifacts(check: Check, node: YamlNode, kinds: readonly ArtifactKind[], place: Place): void {
  for (const [index, item] of itemsOf(check, node, place)) {
    checkArtifact(check, item, kinds, `${itemOf(place)}[${index}]`);
  }
}

function itemsOf(check: Check, node: YamlNode, place: Place): Iterable<readonly [number, YamlNode]> {
  if (node.kind === 'list') return node.items.entries();
  const message = `${valueText(node)} is not a list. Value path: '${place.path}'`;
  report(check, place, node.span, message, 'begin each entry with "- "');
  return [];
}

function checkArtifact(check: Check, node: YamlNode, kinds: readonly ArtifactKind[], item: string): void {
  const fields = fieldsOf(node);
  const kind = kindOf(fields);
  const refuse = (text: (shown: string) => string, hint: string) => {
    const message = `${item}: ${text(shorten(printPython(node)))}`;
    check.findings.push({ error: new AshlarError(message, { at: node.span, hint }) });
  };
  if (kind === undefined || !kinds.includes(kind)) {
    const marks = kinds.flatMap(({ marks }) => marks).map(mark => `\`${mark}\``);
    refuse(
      shown => `Unable to determine whether a URL/Git/Plain or PNC resource so '${shown}' is not supported`,
      `it needs one of ${marks.join(', ')}`,
    );
    return;
  }
  const before = check.findings.length;
  checkSection(check, node, kind.section, item);
  if (check.findings.length > before || defaultName(kind.kind, fields) !== undefined) return;
  refuse(
    shown => `no value found for 'name' in '${shown}' artifact; unable to generate default value`,
    'give it a `name`',
  );
}

function checkExclusions(check: Check, map: YamlMap, { section, item }: Place): void {
  for (const { keys, message } of section.exclusive ?? []) {
    const [, second] = map.entries.filter(({ key }) => keys.includes(printPython(key)));
    if (second === undefined) continue;
    const name = fieldsOf(map).get('name');
    const text = message(name === undefined ? '' : printPython(name));
    check.findings.push({
      error: new AshlarError(item === '' ? text : `${item}: ${text}`, { at: second.key.span }),
    });
  }
}

/** `labels` of `labels` at the top, `packages.repositories` below. */
function itemOf({ item, path }: Place): string {
  const below = path.slice(1).replaceAll('/', '.');
  return item === '' ? below : `${item}.${below}`;
}

function report(check: Check, { section, item }: Place, at: SourceSpan, text: string, hint?: string): void {
  const message = item === '' ? text : `${item}: ${text}`;
  check.findings.push({ error: new AshlarError(message, { at, hint }), section: section.name });
}

function valueText(node: YamlNode): string {
  return `Value '${shorten(printPython(node))}'`;
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function printRaw(node: YamlNode): string {
  return 'raw' in node ? node.raw : printPython(node);
}

function quote(node: YamlNode): string {
  return JSON.stringify(printRaw(node));
}
