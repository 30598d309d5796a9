import { describe, expect, it } from 'vitest';
import { composeConfig, composeManifest, emptyConfig, type PlainChange } from '../../src/engine/config.ts';
import type { Digest, ImageConfig } from '../../src/oci/index.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const noChange: PlainChange = { environment: [], labels: {}, volumes: [] };
const diffId = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const base: ImageConfig = {
  ...emptyConfig(platform),
  config: {
    Env: ['PATH=/bin', 'LANG=C', 'broken'],
    Entrypoint: ['/entry'],
    Cmd: ['cmd'],
    Labels: { z: '1' },
    Volumes: { '/v': {} },
    WorkingDir: '/w',
    User: 'u',
    ExposedPorts: { '80/tcp': {} },
    StopSignal: 'SIGTERM',
  },
  rootfs: { type: 'layers', diff_ids: [diffId('1')] },
  history: [{ created_by: 'base' }],
};
const compose = (change: Partial<PlainChange>, from = base) =>
  composeConfig(from, [], { ...noChange, ...change }, platform, 'closing', { author: 'a', created: 't' });

describe('composeConfig', () => {
  it('inherits everything that is not changed', () => {
    expect(compose({}).config).toEqual(base.config);
  });

  it('replaces a variable in its place and appends new ones in their order', () => {
    const environment = [
      ['LANG', 'de'],
      ['Z', '1'],
      ['A', ''],
    ] as const;
    expect(compose({ environment }).config?.Env).toEqual(['PATH=/bin', 'LANG=de', 'broken', 'Z=1', 'A=']);
  });

  it('adds default variables only where the name is free', () => {
    const defaultEnvironment = [['PATH', '/default']] as const;
    expect(compose({ defaultEnvironment }).config?.Env?.[0]).toBe('PATH=/bin');
    expect(compose({ defaultEnvironment }, emptyConfig(platform)).config?.Env).toEqual(['PATH=/default']);
  });

  it('replaces entrypoint and cmd each by itself, and clears them by null', () => {
    expect(compose({ cmd: ['x'] }).config).toMatchObject({ Entrypoint: ['/entry'], Cmd: ['x'] });
    expect(compose({ entrypoint: ['e'], cmd: null }).config).toMatchObject({ Entrypoint: ['e'], Cmd: null });
  });

  it('has another signal, author and history where they are given', () => {
    const history = { author: 'writer', comment: 'why' };
    const made = [{ diffId: diffId('2'), created: 't', createdBy: 'step' }];
    const change = { ...noChange, stopSignal: 'SIGQUIT', author: 'maker', history };
    const config = composeConfig(base, made, change, platform, 'closing', { created: 't' });
    expect(config).toMatchObject({ author: 'maker', config: { StopSignal: 'SIGQUIT' } });
    expect(config.history).toEqual([
      { created_by: 'base' },
      { created: 't', author: 'writer', created_by: 'step' },
      { created: 't', author: 'writer', created_by: 'closing', comment: 'why', empty_layer: true },
    ]);
  });

  it('merges labels and volumes, sorted', () => {
    const { config } = compose({ labels: { a: '2', z: '3' }, volumes: ['/a'] });
    expect(Object.entries(config?.Labels ?? {})).toEqual([
      ['a', '2'],
      ['z', '3'],
    ]);
    expect(Object.keys(config?.Volumes ?? {})).toEqual(['/a', '/v']);
  });

  it('appends layers, their history and a closing entry', () => {
    const layers = [{ diffId: diffId('2'), created: 'earlier', createdBy: 'step' }];
    const config = composeConfig(base, layers, noChange, platform, 'closing', { author: 'a', created: 't' });
    expect(config.rootfs.diff_ids).toEqual([diffId('1'), diffId('2')]);
    expect(config.history).toEqual([
      { created_by: 'base' },
      { created: 'earlier', author: 'a', created_by: 'step' },
      { created: 't', author: 'a', created_by: 'closing', empty_layer: true },
    ]);
  });

  it('names nobody who is not given', () => {
    const layers = [{ diffId: diffId('2'), created: 'earlier', createdBy: 'step' }];
    const config = composeConfig(base, layers, noChange, platform, 'closing', { created: 't' });
    expect(JSON.stringify(config)).not.toContain('author');
  });

  it("keeps the base's variant where the processor stays the same", () => {
    const arm = { ...base, architecture: 'arm64', variant: 'v8' };
    const on = (architecture: string) =>
      composeConfig(arm, [], noChange, { os: 'linux', architecture }, 'c', { author: 'a', created: 't' })
        .variant;
    expect(on('arm64')).toBe('v8');
    expect(on('amd64')).toBeUndefined();
  });
});

describe('composeManifest', () => {
  it('sorts annotations, so that equal images are equal bytes', () => {
    const manifest = composeManifest({ digest: diffId('3'), size: 1 }, [], { b: '1', a: '2' });
    expect(Object.keys(manifest.annotations ?? {})).toEqual(['a', 'b']);
    expect(composeManifest({ digest: diffId('3'), size: 1 }, [], {})).not.toHaveProperty('annotations');
  });
});
