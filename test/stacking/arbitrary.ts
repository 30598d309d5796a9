/** Random layers. */
import fc from 'fast-check';
import { directory, file, implied, newDirectory, opaque, removed, symlink, type Things } from './layers.ts';

const NAMES = ['a', 'b'];
/** All paths that random layers may name. */
export const PATHS = NAMES.flatMap(x => [
  `/${x}`,
  ...NAMES.flatMap(y => [`/${x}/${y}`, ...NAMES.map(z => `/${x}/${y}/${z}`)]),
]);
/** The same as layers have them. */
export const BYTES = PATHS.map(path => path.slice(1));

const thing = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('1', '2').map(content => file(content)) },
  { weight: 3, arbitrary: fc.constantFrom(0o755, 0o700).map(mode => directory(mode)) },
  { weight: 2, arbitrary: fc.constant(removed) },
  fc.constantFrom(newDirectory(), opaque, implied, symlink('b')),
);

/** What a layer may say: nothing is below what it says is no directory. */
export const things: fc.Arbitrary<Things> = fc
  .dictionary(fc.constantFrom(...PATHS), thing, { maxKeys: 5, noNullPrototype: true })
  .map(drawn => {
    const isDirectory = (path: string) => {
      const there = drawn[path];
      if (there === undefined || there.kind === 'opaque' || there.kind === 'implied') return true;
      return there.kind === 'entry' && there.entry.type === 'directory';
    };
    const parents = (path: string) => PATHS.filter(other => path.startsWith(`${other}/`));
    return Object.fromEntries(Object.entries(drawn).filter(([path]) => parents(path).every(isDirectory)));
  });
