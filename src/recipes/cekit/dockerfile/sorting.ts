import type { Located } from '../model.ts';

/** Items by the code points of their keys; those of equal keys stay in their order. */
export function sortedBy<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return items
    .map(item => ({ item, bytes: Buffer.from(key(item)) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ item }) => item);
}

/** Items by name, whatever the case of their letters: the order of all lists in a Dockerfile of CEKit's. */
export function byName<T extends { readonly name: Located }>(items: readonly T[]): readonly T[] {
  return sortedBy(items, ({ name }) => caseless(name.text));
}

/** What texts that differ only in case have in common. */
export const caseless = (text: string): string => text.toLowerCase();
