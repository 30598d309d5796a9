import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainOf, ownLayer } from '../../../src/engine/layer-records.ts';
import { namesOfParts, pileOf, stackKeyParts } from '../../../src/engine/stacking/parts.ts';
import type { LayerRecord } from '../../../src/engine/values.ts';
import { digestOf } from '../../../src/oci/index.ts';
import type { SingleBase } from '../../../src/plan/bases.ts';
import type { StackBase } from '../../../src/plan/types.ts';

const at = { file: 'f', line: 1, column: 1 };

function layer(name: string): LayerRecord {
  const digest = digestOf(Buffer.from(name));
  return ownLayer(digest, { mediaType: '', digest, size: 0 }, 'gzip');
}

describe('the names of parts', () => {
  it('say what people wrote, without directories of the host, each once', () => {
    const image = (reference: string): SingleBase => ({ kind: 'image', reference, insecure: false, at });
    const tar = (path: string): SingleBase => ({
      kind: 'tar',
      source: { kind: 'file', path, at },
      createdBy: '',
      at,
    });
    expect(
      namesOfParts([
        { kind: 'built', image: 'kernel', at },
        image('docker://host:5000/a/b:tag'),
        image('oci:/home/me/layout:tag:1'),
        tar('/home/me/root.tar'),
        tar('/home/you/root.tar'),
        { kind: 'scratch', at },
        { kind: 'built', image: 'kernel', at },
      ]),
    ).toEqual([
      'kernel',
      'docker://host:5000/a/b:tag',
      'oci:layout:tag:1',
      'root.tar',
      'root.tar (2)',
      'scratch',
      'kernel (2)',
    ]);
  });
});

describe('the keys of a stack', () => {
  const rules: Pick<StackBase, 'conflicts' | 'libraryCache'> = {
    conflicts: { policy: 'warn', paths: [] },
    libraryCache: 'regenerate',
  };
  const names = fc.constantFrom('a', 'b', 'c', 'd');
  const parts = fc
    .uniqueArray(fc.uniqueArray(names, { minLength: 1, maxLength: 3 }), {
      minLength: 2,
      maxLength: 4,
      selector: part => part.join(),
    })
    .map(lists => lists.map((list, i) => ({ name: `p${i}`, layers: list.map(layer) })));

  it('tell any order of the parts from every other, but where the order means nothing', () => {
    fc.assert(
      fc.property(parts, stacked => {
        const reversed = stacked.toReversed();
        const options = { sourceDateEpoch: undefined };
        expect(stackKeyParts(reversed, rules, options)).not.toEqual(stackKeyParts(stacked, rules, options));
        expect(pileOf(reversed, rules)).toBe(pileOf(stacked, rules));
        expect(pileOf(stacked.slice(1), rules)).not.toBe(pileOf(stacked, rules));
        expect(pileOf(stacked, { ...rules, libraryCache: 'drop' })).not.toBe(pileOf(stacked, rules));
      }),
    );
  });

  it('are followed by the layers above them, and forget those below', () => {
    const [a, b, c] = [layer('a'), layer('b'), layer('c')];
    const [ab, ba] = [
      [a, { ...b, pile: 'both' }],
      [b, { ...a, pile: 'both' }],
    ];
    expect(chainOf([...ab, c])).toBe(chainOf([...ba, c]));
    expect(chainOf(ab)).not.toBe(chainOf([...ab, c]));
    expect(chainOf(ab)).not.toBe(chainOf([a, b]));
    expect(chainOf([c, ...ab])).not.toBe(chainOf([...ab, c]));
  });
});
