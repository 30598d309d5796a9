import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LayerView } from '../../src/stacking/layer-view.ts';
import { placeLayers } from '../../src/stacking/order.ts';
import { readLayers, treeOf } from '../../src/stacking/reading.ts';
import { type Want, wantOf } from '../../src/stacking/wants.ts';
import { bytes, file, layer, part } from './layers.ts';

const ids = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);

describe('layers that have to move', () => {
  it('are tried without asking all layers for all paths again', async () => {
    const [moving, others] = ['a', 'b'].map(letter =>
      ids(letter, 10).map((id, i) => layer(id, { [`/own/${i}`]: file(id) })),
    );
    const paths = ids('/many/', 2000);
    const many = layer('many', Object.fromEntries(paths.map(path => [path, file('same')])));
    const parts = [
      part('x', many, ...(moving ?? [])),
      part('y', ...(others ?? [])),
      part('z', ...(moving ?? [])),
    ];
    const all = parts.flatMap(({ layers }) => layers);
    const views = await readLayers(all, () => true);
    const [tree] = parts.map(each => treeOf(each, views));
    const wanted = [...paths, ...ids('/own/', 10)].map(bytes);
    const wants = new Map(
      wanted.map((path): [string, Want] => [path, wantOf(tree?.pile.state(path) ?? { kind: 'unsaid' })]),
    );

    const say = vi.spyOn(LayerView.prototype, 'say');
    onTestFinished(() => say.mockRestore());
    const { order, moved } = placeLayers(
      parts,
      parts.map(each => treeOf(each, views)),
      wants,
      views,
    );
    expect(moved.map(each => each.layer)).toEqual(ids('a', 10));
    expect(order).toEqual(['many', ...ids('b', 10), ...ids('a', 10)]);
    expect(say.mock.calls.length).toBeLessThan(2 * wants.size * views.size);
  });
});
