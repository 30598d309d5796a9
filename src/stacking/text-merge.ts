/** Three-way merge of text, line by line. Bytes are kept as they are: encodings and ends of lines, too. */
import { clipped } from '../support/cells.ts';

export type TextMerge =
  | { readonly kind: 'merged'; readonly content: Uint8Array }
  /** Changes of the same lines, as hunks of a unified diff without context. */
  | { readonly kind: 'colliding'; readonly hunks: readonly string[] }
  /** Finding the differences would take too long. */
  | { readonly kind: 'too much' };

/** Pairs of equal lines that are looked at, in all: some seconds of work. */
const MOST_PAIRS = 50_000_000;

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
  if (equalPairs(o, a) + equalPairs(o, b) > MOST_PAIRS) return { kind: 'too much' };
  const { diff3Merge } = await import('node-diff3');
  const regions = diff3Merge(a, o, b, { excludeFalseConflicts: true });
  const hunks = regions.flatMap(({ conflict }) => (conflict ? [hunk(conflict)] : []));
  if (hunks.length > 0) return { kind: 'colliding', hunks };
  const merged = regions.flatMap(({ ok = [] }) => ok).join('');
  return { kind: 'merged', content: Buffer.from(merged, 'latin1') };
}

/** Each with its end; one character per byte. */
function linesOf(content: Uint8Array): string[] {
  return (
    Buffer.from(content)
      .toString('latin1')
      .match(/[^\n]*\n|[^\n]+$/g) ?? []
  );
}

function equalPairs(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1);
  return b.reduce((pairs, line) => pairs + (counts.get(line) ?? 0), 0);
}

interface Collision {
  readonly o: readonly string[];
  readonly oIndex: number;
  readonly b: readonly string[];
  readonly bIndex: number;
}

/** So much of a hunk is shown. */
const SHOWN = { lines: 40, characters: 200 };

/** The change that does not fit. */
function hunk({ o, oIndex, b, bIndex }: Collision): string {
  const range = (index: number, lines: readonly string[]) =>
    `${lines.length === 0 ? index : index + 1},${lines.length}`;
  const lines = [...o.map(line => `-${line}`), ...b.map(line => `+${line}`)];
  const shown = lines.slice(0, SHOWN.lines).map(line => clipped(textOf(line), SHOWN.characters));
  const rest = lines.length - shown.length;
  const header = `@@ -${range(oIndex, o)} +${range(bIndex, b)} @@`;
  return [header, ...shown, ...(rest > 0 ? [`(and ${rest} more lines)`] : [])].join('\n');
}

function textOf(line: string): string {
  return Buffer.from(line.replace(/\r?\n$/, ''), 'latin1').toString();
}
