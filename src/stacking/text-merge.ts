/** Three-way merge of text, line by line. Bytes are kept as they are: encodings and ends of lines, too. */
import { clipped } from '../support/cells.ts';
import { stretchesOf } from './stretches.ts';

export type TextMerge =
  | { readonly kind: 'merged'; readonly content: Uint8Array }
  /** Changes of the same lines, as hunks of a unified diff without context. */
  | { readonly kind: 'colliding'; readonly hunks: readonly string[] }
  /** Finding the differences would take too long. */
  | { readonly kind: 'too much' };

/** What comparing may cost, in steps: some seconds of work. */
const MOST_WORK = 3_000_000_000;

/** Bytes; no text that people edit is larger. */
const LARGEST = 64 * 1024 * 1024;

/** Applies what `edited` changed of `original` to `current`. */
export async function mergeText(
  original: Uint8Array,
  current: Uint8Array,
  edited: Uint8Array,
): Promise<TextMerge> {
  if ([original, current, edited].some(({ length }) => length > LARGEST)) return { kind: 'too much' };
  const [o, a, b] = [original, current, edited].map(linesOf) as [string[], string[], string[]];
  const { diff3Merge } = await import('node-diff3');
  const merged: string[] = [];
  const hunks: string[] = [];
  let work = 0;
  for (const stretch of stretchesOf(o, a, b)) {
    const [before, ours, theirs] = [
      o.slice(stretch.o.start, stretch.o.end),
      a.slice(stretch.a.start, stretch.a.end),
      b.slice(stretch.b.start, stretch.b.end),
    ];
    if (isSame(before, theirs) || isSame(ours, theirs)) merged.push(ours.join(''));
    else if (isSame(before, ours)) merged.push(theirs.join(''));
    else {
      work += workOf(before, ours) + workOf(before, theirs);
      if (work > MOST_WORK) return { kind: 'too much' };
      for (const { ok, conflict } of diff3Merge(ours, before, theirs, { excludeFalseConflicts: true })) {
        if (ok) merged.push(ok.join(''));
        if (conflict) hunks.push(hunk(conflict, stretch.o.start, stretch.b.start));
      }
    }
  }
  if (hunks.length > 0) return { kind: 'colliding', hunks };
  return { kind: 'merged', content: Buffer.from(merged.join(''), 'latin1') };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

/** Each with its end; one character per byte. */
function linesOf(content: Uint8Array): string[] {
  return (
    Buffer.from(content)
      .toString('latin1')
      .match(/[^\n]*\n|[^\n]+$/g) ?? []
  );
}

/** The comparison looks at every pair of equal lines, each time along what it has found so far. */
function workOf(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1);
  const pairs = b.reduce((sum, line) => sum + (counts.get(line) ?? 0), 0);
  return pairs * Math.min(a.length, b.length);
}

interface Collision {
  readonly o: readonly string[];
  readonly oIndex: number;
  readonly b: readonly string[];
  readonly bIndex: number;
}

/** So much of a hunk is shown. */
const SHOWN = { lines: 40, characters: 200 };

/** The change that does not fit, in texts of which so many lines come before. */
function hunk({ o, oIndex, b, bIndex }: Collision, oBefore: number, bBefore: number): string {
  const range = (index: number, lines: readonly string[]) =>
    `${lines.length === 0 ? index : index + 1},${lines.length}`;
  const lines = [...o.map(line => `-${line}`), ...b.map(line => `+${line}`)];
  const shown = lines.slice(0, SHOWN.lines).map(line => clipped(textOf(line), SHOWN.characters));
  const rest = lines.length - shown.length;
  const header = `@@ -${range(oBefore + oIndex, o)} +${range(bBefore + bIndex, b)} @@`;
  return [header, ...shown, ...(rest > 0 ? [`(and ${rest} more lines)`] : [])].join('\n');
}

function textOf(line: string): string {
  return Buffer.from(line.replace(/\r?\n$/, ''), 'latin1').toString();
}
