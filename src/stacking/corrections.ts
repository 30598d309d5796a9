/** What a layer on top must hold so that the result has what is wanted. */
import { type ByteString, fromText, toText } from '../layers/index.ts';
import { AshlarError } from '../support/errors.ts';
import { highestAbove, withParents } from './paths.ts';
import { isDirectory, type Pile } from './pile.ts';
import type { Correction } from './types.ts';
import { isEnd, isGranted, type Want } from './wants.ts';

type Taken = Extract<Correction, { kind: 'taken' }>;

/**
 * The corrections of a tree, parents first. The directories above what is corrected are repeated as the tree has
 * them: a layer that only implies a directory would give it other permissions.
 */
export function correctionsOf(wants: ReadonlyMap<ByteString, Want>, tree: Pile): Correction[] {
  const corrections = new Map<ByteString, Correction>();
  const endAbove = highestAbove(path => isEnd(wants.get(path)));
  for (const [path, want] of wants) {
    // Nothing is below what is no directory, and what is there goes with it.
    if (endAbove(path) !== undefined || isGranted(want, tree.state(path))) continue;
    corrections.set(path, correction(path, want));
  }
  for (const path of corrections.size > 0 ? withParents(corrections.keys()) : []) {
    const state = tree.state(path);
    if (corrections.has(path) || !isDirectory(state) || state.implied) continue;
    const { entry, source } = state;
    corrections.set(path, { kind: 'taken', path: textPath(path), entry, layer: source.id });
  }
  const sorted = [...corrections].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  return withinOneLayer(sorted);
}

function correction(path: ByteString, want: Want): Correction {
  switch (want.kind) {
    case 'absent':
      return { kind: 'removed', path: textPath(path) };
    case 'taken':
      return { kind: 'taken', path: textPath(path), entry: want.entry, layer: want.source?.id ?? '' };
    case 'made':
      return { ...want, path: textPath(path) };
  }
}

/** Names of one file stay names of one file where they are taken together; a link to what is not taken is a copy. */
function withinOneLayer(corrections: readonly Correction[]): Correction[] {
  const first = new Map<string, string>();
  return corrections.map(each => {
    if (each.kind !== 'taken' || each.entry.type !== 'file') return each;
    const { linkedTo, ...entry } = each.entry;
    const file = JSON.stringify([each.layer, linkedTo ?? fromText(each.path.slice(1))]);
    const known = first.get(file);
    if (known === undefined) first.set(file, each.path);
    const link = known === undefined ? {} : { linkedTo: fromText(known.slice(1)) };
    return { ...each, entry: { ...entry, ...link } } satisfies Taken;
  });
}

/** Throws an AshlarError for a name that is no text: it could not be written as it is. */
function textPath(path: ByteString): string {
  const text = toText(path);
  if (fromText(text) !== path) {
    throw new AshlarError(`the parts of the stack disagree about /${text}, whose name is not UTF-8`);
  }
  return `/${text}`;
}
