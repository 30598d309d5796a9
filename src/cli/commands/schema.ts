import { descriptorSchema, moduleSchema, overridesSchema } from '../../recipes/cekit/index.ts';
import { stackerSchema } from '../../recipes/stacker/index.ts';

const schemas = {
  stacker: stackerSchema,
  cekit: descriptorSchema,
  'cekit-module': moduleSchema,
  'cekit-overrides': overridesSchema,
};

export type Format = keyof typeof schemas;

/** Prints the JSON schema of a file format, for editors. */
export function schema(format: Format): void {
  process.stdout.write(`${JSON.stringify(schemas[format](), null, 2)}\n`);
}
