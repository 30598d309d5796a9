import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConfiguredPart, stackConfig } from '../../../src/engine/stacking/config.ts';
import { type Digest, digestOf, type History, type ImageConfig } from '../../../src/oci/index.ts';

const id = (name: string): Digest => digestOf(Buffer.from(name));
const layer = (name: string): History => ({ created_by: name });
const empty = (name: string): History => ({ created_by: name, empty_layer: true });

function part(
  name: string,
  layers: readonly string[],
  history: readonly History[] | undefined,
  config: Partial<ImageConfig> = {},
): ConfiguredPart {
  return {
    name,
    made: [],
    config: {
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: layers.map(id) },
      ...(history && { history }),
      ...config,
    },
  };
}

function names({ history = [] }: ImageConfig): readonly (string | undefined)[] {
  return history.map(({ created_by, empty_layer }) => `${created_by}${empty_layer ? ' -' : ''}`);
}

describe('the config of a stack', () => {
  const x = part('x', ['b', 'x'], [layer('b'), empty('env'), layer('x'), empty('done')], {
    config: { Cmd: ['x'], Env: ['A=1'] },
  });
  const y = part('y', ['b', 'y'], [layer('b'), layer('y'), empty('y done')], { config: { User: 'y' } });

  it('is the one of the first part', () => {
    expect(stackConfig([x, y], ['b', 'x', 'y'].map(id), 'me')).toMatchObject({
      config: { Cmd: ['x'], Env: ['A=1'] },
      rootfs: { diff_ids: ['b', 'x', 'y'].map(id) },
    });
    expect(stackConfig([y, x], ['b', 'y', 'x'].map(id), 'me').config).toEqual({ User: 'y' });
  });

  it('tells of all layers in their order, and of what the first part did without one', () => {
    const config = stackConfig([x, y], ['b', 'x', 'y'].map(id), 'me');
    expect(names(config)).toEqual(['b', 'env -', 'x', 'done -', 'y']);
    expect(names(stackConfig([x, y], ['x', 'y', 'b'].map(id), 'me'))).toEqual([
      'x',
      'done -',
      'y',
      'b',
      'env -',
    ]);
  });

  it('keeps what comes before the first layer', () => {
    const early = part('e', ['e'], [empty('arg'), layer('e')]);
    expect(names(stackConfig([early, y], ['e', 'b', 'y'].map(id), 'me'))).toEqual(['arg -', 'e', 'b', 'y']);
  });

  it('names the part of a layer of which no history tells', () => {
    const silent = part('silent', ['s'], undefined);
    const wrong = part('wrong', ['w'], [layer('one'), layer('two'), empty('three')]);
    expect(names(stackConfig([silent, wrong], ['s', 'w'].map(id), 'me'))).toEqual([
      'layer of silent',
      'layer of wrong',
    ]);
  });

  it('has an author for layers that were made for the stack', () => {
    const tar = {
      ...part('t.tar', [], undefined),
      made: [{ diffId: id('t'), created: 'now', createdBy: 'l' }],
    };
    expect(stackConfig([x, tar], ['b', 'x', 't'].map(id), 'me').history?.at(-1)).toEqual({
      created: 'now',
      author: 'me',
      created_by: 'l',
    });
  });

  it('always has as many entries with a layer as there are layers', () => {
    const entry = fc.record({ created_by: fc.string(), empty_layer: fc.boolean() });
    const parts = fc.array(
      fc.record({
        layers: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }),
        history: fc.option(fc.array(entry, { maxLength: 5 }), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(parts, described => {
        const [first, ...rest] = described.map(({ layers, history }, i) => part(`p${i}`, layers, history));
        if (!first) throw new Error('no part');
        const layers = [...new Set(described.flatMap(({ layers }) => layers.map(id)))];
        const config = stackConfig([first, ...rest], layers, 'me');
        expect(config.rootfs.diff_ids).toEqual(layers);
        expect(config.history?.filter(({ empty_layer }) => !empty_layer)).toHaveLength(layers.length);
      }),
    );
  });
});
