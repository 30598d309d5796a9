import { checksumAlgorithms } from '../../../plan/checksums.ts';
import { outputsSchema } from '../../output-words.ts';
import type { ArtifactKind, Form, Keys, Section } from './forms.ts';
import { image, module, overrides } from './vocabulary.ts';

/** Draft 7, which the editors know best. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A JSON Schema of image descriptors, with descriptions for editors: of one image, or of a list of them. */
export function descriptorSchema(): JsonSchema {
  const one = { $ref: '#/definitions/image' };
  return schema('image.yaml', 'An image that ashlar or CEKit builds, or a list of images, the target last.', {
    definitions: { image: mapOf(image) },
    anyOf: [one, { type: 'array', items: one, minItems: 1 }],
  });
}

/** The same for module.yaml. */
export function moduleSchema(): JsonSchema {
  return schema('module.yaml', 'A module that images of ashlar or CEKit are made of.', mapOf(module));
}

/** The same for override files. */
export function overridesSchema(): JsonSchema {
  const description = 'What is other than an image descriptor says. Nothing is required.';
  return schema('overrides.yaml', description, orNull(mapOf(overrides)));
}

function schema(title: string, description: string, content: JsonSchema): JsonSchema {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, description, ...content };
}

function mapOf({ keys, open, exclusive = [] }: Section): JsonSchema {
  const exclusions = exclusive.flatMap(({ keys: names }) =>
    pairs(names).map(pair => ({ not: { required: pair } })),
  );
  return {
    ...mapOfKeys(keys),
    ...(open && { additionalProperties: true }),
    ...(exclusions.length > 0 && { allOf: exclusions }),
  };
}

function mapOfKeys(keys: Keys): JsonSchema {
  const properties = Object.entries(keys).map(([name, { form, text, required }]) => {
    const value = schemaOf(form);
    return [name, { description: text, ...(required ? value : orNull(value)) }];
  });
  const required = Object.keys(keys).filter(name => keys[name]?.required);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
}

function schemaOf(form: Form): JsonSchema {
  if (typeof form === 'string') return schemaOfValue(form);
  if ('words' in form) return { enum: [...form.words, ...Object.keys(form.aliases)] };
  if ('listOf' in form) return { type: 'array', items: schemaOfValue(form.listOf) };
  if ('keys' in form) return mapOfKeys(form.keys);
  if ('section' in form) return mapOf(form.section);
  if ('items' in form) return { type: 'array', items: mapOf(form.items) };
  return { type: 'array', items: artifact(form.artifacts) };
}

function schemaOfValue(form: Extract<Form, string>): JsonSchema {
  switch (form) {
    case 'str':
      return { type: 'string' };
    case 'text':
      return { type: ['string', 'number'] };
    case 'int':
      return { type: 'integer' };
    case 'port':
      return { type: 'integer', minimum: 0, maximum: 65535 };
    case 'bool':
      return { type: 'boolean' };
    case 'any':
      return {};
    case 'mode':
      return {
        anyOf: [
          { type: 'integer', minimum: 0, maximum: 7777 },
          { type: 'string', pattern: '^(0o?)?[0-7]{1,4}$' },
        ],
      };
    case 'id':
      return { type: 'integer', minimum: 0, maximum: 2 ** 32 - 2 };
    case 'owner':
      return {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: '^[0-9]+(:[0-9]+)?$' },
        ],
      };
    case 'outputs':
      return outputsSchema((...schemas) => ({ anyOf: schemas }));
    case 'names by architecture': {
      const names = orNull({ type: 'array', items: { type: ['string', 'number'] } });
      return { type: 'object', additionalProperties: names };
    }
  }
}

/** One of the kinds: each says what it needs, so that an editor offers the keys of all. */
function artifact(kinds: readonly ArtifactKind[]): JsonSchema {
  return {
    anyOf: kinds.map(({ kind, section }) => {
      const content = mapOf(section);
      return kind === 'plain'
        ? { ...content, anyOf: checksumAlgorithms.map(name => ({ required: [name] })) }
        : content;
    }),
  };
}

function orNull(content: JsonSchema): JsonSchema {
  if (Object.keys(content).length === 0) return content;
  return { anyOf: [content, { type: 'null' }] };
}

function pairs(names: readonly string[]): string[][] {
  return names.flatMap((name, index) => names.slice(index + 1).map(other => [name, other]));
}
