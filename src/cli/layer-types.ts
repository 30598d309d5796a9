import { AshlarError } from '../support/errors.ts';

/** What follows the name of an image in its tag for each form of layers. */
const SUFFIXES: Readonly<Record<string, string>> = { tar: '', squashfs: '-squashfs', erofs: '-erofs' };

/** The suffixes of the tags for the types, in their order. @throws AshlarError for what is not there (yet). */
export function tagSuffixes(types: readonly string[]): readonly string[] {
  return types.map(type => {
    const suffix = SUFFIXES[type];
    if (suffix === undefined) throw new AshlarError(`unknown layer type: ${type}`);
    if (type !== 'tar') throw new AshlarError(`--layer-type ${type} is not supported yet`);
    return suffix;
  });
}
