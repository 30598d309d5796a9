import { stackerSchema } from '../../recipes/stacker/index.ts';

/** Prints the JSON schema of a file format, for editors. */
export function schema(format: 'stacker'): void {
  const schemas = { stacker: stackerSchema };
  process.stdout.write(`${JSON.stringify(schemas[format](), null, 2)}\n`);
}
