import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyEdits,
  type Edit,
  type SourceText,
  sourceText,
  spanBetween,
} from '../../src/support/source-text.ts';

/** What stands in the original where the found text came from. */
function origin(source: SourceText, found: string): string {
  const start = source.text.indexOf(found);
  const { line, column, length } = spanBetween(source, start, start + found.length);
  return `${line}:${column}+${length ?? 0}`;
}

describe('a text made from a file', () => {
  it('knows where untouched text stands', () => {
    const source = sourceText('/f', 'one\ntwo three\r\nfour');
    expect(spanBetween(source, 0, 3)).toEqual({ file: '/f', line: 1, column: 1, length: 3 });
    expect(origin(source, 'three')).toBe('2:5+5');
    expect(origin(source, 'four')).toBe('3:1+4');
    expect(spanBetween(source, 19, 19)).toEqual({ file: '/f', line: 3, column: 5 });
    expect(spanBetween(sourceText('/f', ''), 0, 0)).toEqual({ file: '/f', line: 1, column: 1 });
  });

  it('ends a span with its first line', () => {
    expect(origin(sourceText('/f', 'a bc\ndef'), 'bc\nde')).toBe('1:3+2');
  });

  it('keeps the places of what stands before, between and after replacements', () => {
    const edits = [
      { start: 2, end: 4, text: 'a much longer text\nof two lines' },
      { start: 7, end: 8, text: '' },
    ];
    const source = applyEdits(sourceText('/f', 'a $B c $D\ne'), edits);
    expect(source.text).toBe('a a much longer text\nof two lines c D\ne');
    expect(origin(source, ' c ')).toBe('1:5+3');
    expect(origin(source, 'D')).toBe('1:9+1');
    expect(origin(source, 'e')).not.toBe('2:1+1');
    expect(spanBetween(source, source.text.length - 1, source.text.length)).toMatchObject({
      line: 2,
      column: 1,
    });
  });

  it('leads all of a replacement, and replacements in replacements, to what was replaced first', () => {
    const once = applyEdits(sourceText('/f', 'x: $A'), [{ start: 3, end: 5, text: '[$B, y]' }]);
    expect(origin(once, 'y')).toBe('1:4+2');
    const twice = applyEdits(once, [{ start: 4, end: 6, text: 'long' }]);
    expect(twice.text).toBe('x: [long, y]');
    expect(origin(twice, 'long')).toBe('1:4+2');
    expect(origin(twice, 'x')).toBe('1:1+1');
    // From copied text into a replacement.
    expect(origin(twice, ': [l')).toBe('1:2+4');
  });

  it('replaces like string slicing, whatever the edits', () => {
    const cuts = fc.array(fc.tuple(fc.nat(60), fc.string({ maxLength: 5 })), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.string({ minLength: 0, maxLength: 60 }),
        fc.array(cuts, { maxLength: 3 }),
        (text, rounds) => {
          let source = sourceText('/f', text);
          let plain = text;
          for (const round of rounds) {
            const edits = disjoint(round, plain.length);
            source = applyEdits(source, edits);
            for (const { start, end, text } of edits.toReversed())
              plain = plain.slice(0, start) + text + plain.slice(end);
          }
          expect(source.text).toBe(plain);
          for (const piece of source.pieces.filter(({ copied }) => copied)) {
            expect(text.slice(piece.start, piece.end)).toBe(plain.slice(piece.at, piece.at + piece.length));
          }
        },
      ),
    );
  });
});

/** Edits between neighbouring cuts, in order. */
function disjoint(cuts: readonly (readonly [number, string])[], length: number): Edit[] {
  const places = [...new Set(cuts.map(([place]) => Math.min(place, length)))].sort((a, b) => a - b);
  return places.flatMap((start, i) => {
    const end = places[i + 1];
    return end === undefined || i % 2 === 1 ? [] : [{ start, end, text: cuts[i]?.[1] ?? '' }];
  });
}
