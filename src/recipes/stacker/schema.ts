import { outputsSchema } from '../output-words.ts';
import {
  applyKeys,
  baseTypes,
  bindKeys,
  configKeys,
  conflictPolicies,
  type Form,
  fromKeys,
  importKeys,
  type Keys,
  layerKeys,
  libraryCaches,
  overlayDirKeys,
  stackKeys,
} from './vocabulary.ts';

/** Draft 7, which the editors know best. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * A JSON Schema of stacker files as people write them, with descriptions for editors. It knows the shape of a file
 * only: what names refer to is checked when the file is read. A placeholder may stand for every value.
 */
export function stackerSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'stacker.yaml',
    description: 'Images that ashlar or stacker builds. Every key besides `config` is the name of a layer.',
    type: ['object', 'null'],
    properties: {
      config: { description: 'Settings of the file.', anyOf: [mapOf(configKeys), { type: 'null' }] },
    },
    propertyNames: { pattern: '^[^:]+$|\\$\\{' },
    additionalProperties: { description: 'A layer, built to an image of this name.', ...layer() },
  };
}

function layer(): JsonSchema {
  return { ...mapOf(layerKeys), required: ['from'] };
}

/** A map of known keys. */
function mapOf(keys: Keys): JsonSchema {
  const properties = Object.entries(keys).map(([name, { form, text, deprecated }]) => [
    name,
    { description: text, ...(deprecated && { deprecated }), ...schemaOf(form) },
  ]);
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}

function schemaOf(form: Form): JsonSchema {
  switch (form) {
    case 'text':
      return text;
    case 'flag':
      // Editors that read YAML 1.2 see the other words of YAML 1.1 as text.
      return orPlaceholder({ type: ['boolean', 'null'] }, { enum: yamlFlags });
    case 'script':
    case 'words':
      return { type: ['string', 'array', 'null'], items: { type: 'string' } };
    case 'text map':
      return orPlaceholder({ type: ['object', 'null'], additionalProperties: text });
    case 'text list':
      return orPlaceholder({ type: ['array', 'null'], items: text });
    case 'file list':
      return { type: ['array', 'null'], items: { type: 'string', minLength: 1 } };
    case 'hash':
      return { type: ['string', 'null'], pattern: `^$|^[0-9a-fA-F]{64}$|${placeholder}` };
    case 'mode':
      return orPlaceholder({ type: 'integer', minimum: 0, maximum: 0o7777 });
    case 'id':
      return orPlaceholder({ type: 'integer', minimum: 0, maximum: 2 ** 32 - 2 });
    case 'absolute path':
      return { type: 'string', pattern: `^$|^/|${placeholder}` };
    case 'base type':
      return oneOf(Object.entries(baseTypes).map(([type, { text }]) => [type, text]));
    case 'base':
      return { anyOf: [base(), { type: 'array', items: part(), minItems: 1 }] };
    case 'bases':
      return orPlaceholder({ type: ['array', 'null'], items: part(), minItems: 1 });
    case 'conflicts': {
      const policy = oneOf(Object.entries(conflictPolicies));
      const patterns = { type: 'object', properties: { default: policy }, additionalProperties: policy };
      return orNull(policy, { ...patterns, propertyNames: { pattern: `^default$|^/|${placeholder}` } });
    }
    case 'library cache':
      return orNull(oneOf(Object.entries(libraryCaches)));
    case 'applied images':
      return orNull(listOf({ type: 'string', minLength: 1 }, { ...mapOf(applyKeys), required: ['url'] }));
    case 'imports':
      return {
        anyOf: [{ type: ['string', 'null'] }, listOf({ type: 'string', minLength: 1 }, importEntry())],
      };
    case 'legacy imports':
      return { anyOf: [schemaOf('imports'), importEntry()] };
    case 'overlay dirs':
      return orNull(listOf({ ...mapOf(overlayDirKeys), required: ['source'] }));
    case 'binds':
      return orNull({ type: 'string' }, bind(), listOf({ type: 'string' }, bind()));
    case 'outputs':
      return orNull(outputsSchema(orPlaceholder));
    case 'anything':
      return {};
  }
}

/** What can be part of a stack. */
function part(): JsonSchema {
  const properties = Object.entries(fromKeys).filter(([name]) => !Object.hasOwn(stackKeys, name));
  return baseOf(Object.fromEntries(properties));
}

function base(): JsonSchema {
  return baseOf(fromKeys);
}

function baseOf(keys: Keys): JsonSchema {
  const needs = Object.entries(baseTypes).flatMap(([type, { needs }]) =>
    needs === undefined
      ? []
      : [{ anyOf: [{ properties: { type: { not: { const: type } } } }, { required: [needs] }] }],
  );
  return { ...mapOf(keys), required: ['type'], allOf: needs };
}

function bind(): JsonSchema {
  return { ...mapOf(bindKeys), required: ['source'] };
}

function importEntry(): JsonSchema {
  return { ...mapOf(importKeys), required: ['path'] };
}

// An empty default such as `${{KEY:}}`, a value from the command line: anything may come out of one.
const placeholder = '\\$';
const text: JsonSchema = { type: ['string', 'number', 'boolean', 'null'] };
const yamlFlags = ['y', 'yes', 'on', 'n', 'no', 'off'].flatMap(word => [
  word,
  word.charAt(0).toUpperCase() + word.slice(1),
  ...(word.length > 1 ? [word.toUpperCase()] : []),
]);

function orPlaceholder(...schemas: readonly JsonSchema[]): JsonSchema {
  return { anyOf: [...schemas, { type: 'string', pattern: placeholder }] };
}

/** One of some words, each with its meaning. */
function oneOf(words: readonly (readonly [word: string, text: string])[]): JsonSchema {
  return orPlaceholder(...words.map(([word, text]) => ({ const: word, description: text })));
}

function orNull(...schemas: readonly JsonSchema[]): JsonSchema {
  return { anyOf: [...schemas, { type: 'null' }] };
}

function listOf(...items: readonly JsonSchema[]): JsonSchema {
  return { type: 'array', items: items.length === 1 ? items[0] : { anyOf: items } };
}
