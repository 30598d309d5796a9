import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, type KeyPart, keyOf } from '../../../src/engine/keys/keys.ts';

describe('keyOf', () => {
  it('tells lists apart whose texts run together to the same bytes', () => {
    const collisions: readonly (readonly KeyPart[])[] = [
      [['ab', 'c']],
      [['a', 'bc']],
      [['', 'abc']],
      [['abc', '']],
      [
        ['ab', 'c'],
        ['', ''],
      ],
      [['a\0b', 'c']],
    ];
    expect(new Set(collisions.map(parts => keyOf('d', parts))).size).toBe(collisions.length);
    expect(keyOf('d', [['a', 'b']])).not.toBe(keyOf('da', [['', 'b']]));
  });

  it('is the same for the same parts and another for any other parts', () => {
    const parts = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(keyOf('d', a) === keyOf('d', b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

describe('canonical', () => {
  it('does not depend on the order of keys, nor on undefined ones', () => {
    expect(canonical({ b: [1, { d: 2, c: 3 }], a: undefined })).toBe(
      canonical({ a: undefined, b: [1, { c: 3, d: 2 }] }),
    );
    expect(canonical({ a: undefined })).toBe(canonical({}));
  });

  it('keeps the order of lists', () => {
    expect(canonical([1, 2])).not.toBe(canonical([2, 1]));
  });
});
