import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rebasedAnnotations, rebasedConfig, type Three } from '../../../src/engine/images/rebased-config.ts';
import type { ContainerConfig, Digest, History, ImageConfig } from '../../../src/oci/index.ts';

const author = { author: 'me@here', created: '2026-01-01T00:00:00Z' };

function digest(name: string): Digest {
  return `sha256:${name.padEnd(64, '0')}`;
}

/** With the layers that a rebase gives, and `more` on top. */
function rebase({ old, image, base }: Three<ImageConfig>, ...more: readonly Digest[]): ImageConfig {
  const own = image.rootfs.diff_ids.slice(old.rootfs.diff_ids.length);
  const diffIds = [...base.rootfs.diff_ids, ...own, ...more];
  return rebasedConfig({ old, image, base }, { diffIds, createdBy: 'rebase' }, author);
}

interface Parts {
  readonly config?: ContainerConfig;
  readonly layers?: readonly string[];
  readonly history?: readonly History[];
}

function image({ config, layers = [], history }: Parts): ImageConfig {
  return {
    os: 'linux',
    architecture: 'amd64',
    ...(config && { config }),
    ...(history && { history }),
    rootfs: { type: 'layers', diff_ids: layers.map(digest) },
  };
}

function container(old: ContainerConfig, own: ContainerConfig, base: ContainerConfig) {
  const three = { old: image({ config: old }), image: image({ config: own }), base: image({ config: base }) };
  return rebase(three).config;
}

describe('the config of a rebased image', () => {
  it('has what the image has changed, and of everything else what the new base says', () => {
    const old = {
      Env: ['PATH=/bin', 'OLD=1', 'KEPT=a'],
      Labels: { base: '1', kept: 'a' },
      Cmd: ['sh'],
      User: 'u',
    };
    const own = {
      Env: ['PATH=/bin:/app', 'OLD=1', 'KEPT=a', 'OWN=x'],
      Labels: { base: '1', kept: 'b', own: 'x' },
      Cmd: ['sh'],
      User: 'u',
      Entrypoint: ['app'],
    };
    const base = {
      Env: ['NEW=2', 'PATH=/usr/bin', 'KEPT=c'],
      Labels: { base: '2' },
      Cmd: ['bash'],
      User: 'v',
    };
    expect(container(old, own, base)).toEqual({
      Env: ['NEW=2', 'PATH=/bin:/app', 'KEPT=c', 'OWN=x'],
      Labels: { base: '2', kept: 'b', own: 'x' },
      Cmd: ['bash'],
      User: 'v',
      Entrypoint: ['app'],
    });
  });

  it('lacks what the image has removed', () => {
    const old = { Env: ['A=1', 'B=2'], Labels: { a: '1' }, Cmd: ['sh'], Volumes: { '/v': {} } };
    expect(container(old, { Env: ['B=2'], Entrypoint: ['app'] }, { ...old, Cmd: ['bash'] })).toEqual({
      Env: ['B=2'],
      Entrypoint: ['app'],
    });
  });

  it('is the new base’s where the image changed nothing, and the image’s where the base is the same', () => {
    const configs = fc.record(
      {
        Env: fc.uniqueArray(fc.constantFrom('A=1', 'A=2', 'B=1', 'C=1'), {
          selector: entry => entry[0],
          minLength: 1,
        }),
        Labels: fc.dictionary(fc.constantFrom('a', 'Env', 'toString'), fc.constantFrom('1', '2'), {
          minKeys: 1,
        }),
        Cmd: fc.array(fc.constantFrom('x', 'y')),
        User: fc.constantFrom('root', 'me'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(configs, configs, (one, other) => {
        expect(container(one, one, other)).toEqual(other);
        // A set, since the order of variables is the base's.
        const kept = container(one, other, one);
        expect({ ...kept, Env: new Set(kept?.Env) }).toEqual({ ...other, Env: new Set(other.Env) });
      }),
    );
  });

  it('has the layers and the history of the new base below those of the image', () => {
    const history = (...names: readonly string[]) =>
      names.map(name => ({ created_by: name, ...(name.startsWith('-') && { empty_layer: true }) }));
    const result = rebase({
      old: image({ layers: ['a', 'b'], history: history('a', 'b', '-cmd') }),
      image: image({ layers: ['a', 'b', 'c'], history: history('a', 'b', '-cmd', 'c', '-label') }),
      base: image({ layers: ['n'], history: history('n', '-new') }),
    });
    expect(result.rootfs.diff_ids).toEqual(['n', 'c'].map(digest));
    expect(result.history?.map(({ created_by }) => created_by)).toEqual(['n', '-new', 'c', '-label']);
    expect(result).toMatchObject(author);
  });

  it('has a history entry for every layer, whatever the images lack', () => {
    const result = rebase({
      old: image({ layers: ['a'], history: [{ created_by: 'told otherwise' }] }),
      image: image({ layers: ['a', 'c'], history: [{ created_by: 'a' }, { created_by: 'c' }] }),
      base: image({ layers: ['n', 'm'] }),
    });
    expect(result.history).toEqual([{}, {}, { created_by: 'c' }]);
  });

  it('is of the platform of the new base', () => {
    const { architecture, variant } = rebase({
      old: image({}),
      image: { ...image({}), variant: 'v2' },
      base: { ...image({}), architecture: 'arm64' },
    });
    expect([architecture, variant]).toEqual(['arm64', undefined]);
  });

  it('tells of the layers that were added on top', () => {
    const result = rebase(
      { old: image({}), image: image({ layers: ['c'] }), base: image({ layers: ['n'] }) },
      digest('e'),
    );
    expect(result.rootfs.diff_ids).toEqual(['n', 'c', 'e'].map(digest));
    expect(result.history).toEqual([{}, {}, { ...author, created_by: 'rebase' }]);
  });
});

describe('the annotations of a rebased image', () => {
  it('follow the same rule, but for the one that tells of the lowest layers', () => {
    const annotations = rebasedAnnotations(
      {
        old: { a: '1', b: '1', stack: 'old' },
        image: { a: '1', b: '2', own: 'x', stack: 'image' },
        base: { a: '3', b: '3', stack: 'base' },
      },
      'stack',
    );
    expect(annotations).toEqual({ a: '3', b: '2', own: 'x', stack: 'base' });
  });
});
