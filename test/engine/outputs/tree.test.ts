import { expect, it } from 'vitest';
import { detailsOf } from '../../../src/engine/outputs/tree.ts';
import {
  type ContentsEntry,
  IMPLIED_DIRECTORY,
  type LayerContents,
  mergeContents,
} from '../../../src/layers/index.ts';

const device: ContentsEntry = { ...IMPLIED_DIRECTORY, type: 'character', mode: 0o666, major: 1, minor: 3 };

function layer(
  entries: Readonly<Record<string, ContentsEntry>>,
  hidden: readonly string[] = [],
): LayerContents {
  return {
    ...{ entries: new Map(Object.entries(entries)), implied: new Set<string>() },
    ...{ hidden: new Set(hidden), opaque: new Set<string>() },
  };
}

const linked = { a: device, b: { ...device, linkedTo: 'a' }, c: { ...device, linkedTo: 'a' } };

/** Each device, and the name that it is linked to. */
function linksIn(...layers: readonly LayerContents[]) {
  return detailsOf(mergeContents(layers)).devices.map(({ path, linkedTo }) => [path, linkedTo]);
}

it('keeps names of a device together, whichever of them a layer above takes away', () => {
  const all = [
    ['a', undefined],
    ['b', 'a'],
    ['c', 'a'],
  ];
  expect(linksIn(layer(linked))).toEqual(all);
  expect(linksIn(layer(linked), layer({}, ['a']))).toEqual([
    ['b', undefined],
    ['c', 'b'],
  ]);
  expect(linksIn(layer(linked), layer({}, ['b']))).toEqual([
    ['a', undefined],
    ['c', 'a'],
  ]);
});

it('takes a device in the place of another one for one of its own', () => {
  const again = linksIn(layer(linked), layer({ a: device }));
  expect(again).toEqual([
    ['a', undefined],
    ['b', undefined],
    ['c', 'b'],
  ]);
});
