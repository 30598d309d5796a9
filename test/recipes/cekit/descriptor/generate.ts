import fc from 'fast-check';
import type { ArtifactKind, Form, Keys, Section } from '../../../../src/recipes/cekit/descriptor/forms.ts';
import { image, module, overrides } from '../../../../src/recipes/cekit/descriptor/vocabulary.ts';

/** Few, so that the same thing is named again. */
const words = fc.constantFrom('a', 'b', 'c.jar', 'some/app', '1.10', 'yes', '2020-01-01', '$A "b"', 'ä\n');
const numbers = fc.constantFrom(0, 1, 80, 185, 1.5, 1e21);

const junk = fc.constantFrom<unknown[]>(
  null,
  true,
  5,
  1.5,
  '',
  [],
  {},
  ['x'],
  [null],
  { name: 'q' },
  { a: { from: 1 } },
);

/** A descriptor that the table of words allows, as plain data. */
export const validImages = mapOf(image);
export const validModules = mapOf(module);
export const validOverrides = mapOf(overrides);

/** The same with one value replaced, added, or taken out anywhere. */
export function mutated(descriptors: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(descriptors, fc.nat(), fc.constantFrom('replace', 'add', 'drop'), fc.oneof(words, junk), words)
    .map(([descriptor, seed, action, value, key]) =>
      mutate(structuredClone(descriptor), seed, action, value, key),
    );
}

function mutate(descriptor: unknown, seed: number, action: string, value: unknown, key: string): unknown {
  const holders = holdersIn(descriptor);
  const holder = holders[seed % Math.max(1, holders.length)];
  if (holder === undefined) return value;
  const keys = Object.keys(holder);
  const chosen = keys[Math.floor(seed / holders.length) % Math.max(1, keys.length)];
  if (action === 'add' || chosen === undefined)
    Reflect.set(holder, Array.isArray(holder) ? keys.length : key, value);
  else if (action === 'replace') Reflect.set(holder, chosen, value);
  else if (Array.isArray(holder)) holder.splice(Number(chosen), 1);
  else Reflect.deleteProperty(holder, chosen);
  return descriptor;
}

function holdersIn(value: unknown): object[] {
  if (value === null || typeof value !== 'object') return [];
  return [value, ...Object.values(value).flatMap(holdersIn)];
}

function mapOf({ keys, exclusive = [], open }: Section): fc.Arbitrary<object> {
  const map = mapOfKeys(keys).map(fields => {
    const gone = exclusive.flatMap(({ keys: names }) => names.filter(name => name in fields).slice(1));
    return Object.fromEntries(Object.entries(fields).filter(([name]) => !gone.includes(name)));
  });
  return open
    ? fc.tuple(map, fc.dictionary(words, junk)).map(([fields, more]) => ({ ...more, ...fields }))
    : map;
}

function mapOfKeys(keys: Keys): fc.Arbitrary<Record<string, unknown>> {
  const model = Object.entries(keys).map(([name, { form, required }]) => {
    const value = formed(form);
    return [name, required ? value : fc.option(value, { freq: 10 })] as const;
  });
  const requiredKeys = Object.keys(keys).filter(name => keys[name]?.required);
  return fc.record(Object.fromEntries(model), { requiredKeys, noNullPrototype: true });
}

function formed(form: Form): fc.Arbitrary<unknown> {
  if (typeof form !== 'string') {
    if ('words' in form) return fc.constantFrom(...form.words, ...Object.keys(form.aliases));
    if ('listOf' in form) return fc.array(formed(form.listOf), { maxLength: 3 });
    if ('keys' in form) return mapOfKeys(form.keys);
    if ('section' in form) return mapOf(form.section);
    return fc.array('items' in form ? mapOf(form.items) : fc.oneof(...form.artifacts.map(artifact)), {
      maxLength: 3,
    });
  }
  switch (form) {
    case 'str':
      return words;
    case 'text':
      return fc.oneof(words, numbers);
    case 'int':
    case 'id':
      return fc.nat(70000);
    case 'port':
      return fc.nat(65535);
    case 'bool':
      return fc.boolean();
    case 'any':
      return fc.oneof(words, numbers, junk);
    case 'mode':
      return fc.constantFrom('0755', '644', '4755');
    case 'owner':
      return fc.constantFrom('0', '1001:0');
    case 'outputs':
      return fc.subarray(['oci', 'squashfs', 'cpio', { disk: { size: '4G' } }], { minLength: 1 });
    case 'names by architecture':
      return fc.dictionary(words, fc.array(words, { maxLength: 2 }));
  }
}

/** Has what tells its kind, and something to be named by. */
function artifact({ kind, marks, section }: ArtifactKind): fc.Arbitrary<object> {
  const extra = kind === 'plain' ? { [marks[0] ?? '']: 'abc' } : kind === 'pnc' ? { target: 'a' } : {};
  return mapOf(section).map(fields => ({ ...fields, ...extra }));
}
