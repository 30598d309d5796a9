import { AshlarError } from '../support/errors.ts';

/** What follows the name of an image in its tag for each form of layers. */
const SUFFIXES: Readonly<Record<string, string>> = { tar: '', squashfs: '-squashfs', erofs: '-erofs' };

/** @throws AshlarError for what is no form of layers, or not there yet. */
export function checkLayerTypes(types: readonly string[]): void {
  for (const type of types) {
    if (SUFFIXES[type] === undefined) throw new AshlarError(`unknown layer type: ${type}`);
    if (type !== 'tar') throw new AshlarError(`--layer-type ${type} is not supported yet`);
  }
}

/** What follows the name of an image in its tag with layers of this type. */
export function tagSuffix(type: string): string {
  return SUFFIXES[type] ?? '';
}
