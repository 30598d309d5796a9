/**
 * Cuts three versions of a text at lines that each of them has exactly once and in the same order. Finding the
 * differences of long texts takes time that grows faster than they do; between such lines they are short.
 */

/** Parts of the versions that lie beside each other. */
export interface Stretch {
  readonly o: Span;
  readonly a: Span;
  readonly b: Span;
}

interface Span {
  readonly start: number;
  /** After the last line. */
  readonly end: number;
}

/** Places of one line in the versions. */
interface Anchor {
  readonly o: number;
  readonly a: number;
  readonly b: number;
}

/** All of the three texts, from the first lines to the last. Each stretch but the last ends with a line of all. */
export function stretchesOf(o: readonly string[], a: readonly string[], b: readonly string[]): Stretch[] {
  let from: Anchor = { o: 0, a: 0, b: 0 };
  const stretches: Stretch[] = [];
  const end = { o: o.length - 1, a: a.length - 1, b: b.length - 1 };
  for (const to of [...anchorsOf(o, a, b), end]) {
    const span = (version: keyof Anchor) => ({ start: from[version], end: to[version] + 1 });
    stretches.push({ o: span('o'), a: span('a'), b: span('b') });
    from = { o: to.o + 1, a: to.a + 1, b: to.b + 1 };
  }
  return stretches;
}

function anchorsOf(o: readonly string[], a: readonly string[], b: readonly string[]): Anchor[] {
  const [inA, inB] = [uniqueLines(a), uniqueLines(b)];
  const anchors = [...uniqueLines(o)].flatMap(([line, place]) => {
    const [placeA, placeB] = [inA.get(line), inB.get(line)];
    return placeA === undefined || placeB === undefined ? [] : [{ o: place, a: placeA, b: placeB }];
  });
  return rising(rising(anchors, 'a'), 'b');
}

function uniqueLines(lines: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  const repeated = new Set<string>();
  for (const [place, line] of lines.entries()) {
    if (places.has(line)) repeated.add(line);
    else places.set(line, place);
  }
  for (const line of repeated) places.delete(line);
  return places;
}

/** A longest choice of the anchors whose places in one version rise. */
function rising(anchors: readonly Anchor[], version: 'a' | 'b'): Anchor[] {
  interface Link {
    readonly anchor: Anchor;
    readonly before: Link | undefined;
  }
  // The last link of the best choice of each length.
  const best: Link[] = [];
  for (const anchor of anchors) {
    const length = lowerBound(best, link => link.anchor[version] < anchor[version]);
    best[length] = { anchor, before: best[length - 1] };
  }
  const chosen: Anchor[] = [];
  for (let link = best.at(-1); link; link = link.before) chosen.push(link.anchor);
  return chosen.reverse();
}

/** How many items are `below`; those that are come first. */
function lowerBound<T>(items: readonly T[], below: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && below(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
