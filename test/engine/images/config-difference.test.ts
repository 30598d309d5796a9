import { describe, expect, it } from 'vitest';
import { configDifferences } from '../../../src/engine/images/config-difference.ts';
import type { ContainerConfig, ImageConfig } from '../../../src/oci/index.ts';

function image(config: ContainerConfig, others: Partial<ImageConfig> = {}): ImageConfig {
  return { os: 'linux', architecture: 'amd64', config, rootfs: { type: 'layers', diff_ids: [] }, ...others };
}

describe('the differences of two configs', () => {
  it('are none where both say the same in other words', () => {
    const one = image({
      Env: ['A=1', 'B=2'],
      Labels: { a: '1', b: '2' },
      Entrypoint: null,
      Cmd: [],
      User: '',
    });
    const other = image(
      { Env: ['B=2', 'A=1'], Labels: { b: '2', a: '1' } },
      { created: '2020-01-01T00:00:00Z' },
    );
    expect(configDifferences(one, other)).toEqual([]);
  });

  it('are told variable by variable and label by label', () => {
    const one = image({ Env: ['PATH=/bin', 'GONE='], Labels: { kept: 'x', version: '1' } });
    const other = image({ Env: ['PATH=/bin:/opt=1', 'NEW=n'], Labels: { kept: 'x', version: '2' } });
    expect(configDifferences(one, other)).toEqual([
      { setting: 'environment', name: 'GONE', before: '' },
      { setting: 'environment', name: 'NEW', after: 'n' },
      { setting: 'environment', name: 'PATH', before: '/bin', after: '/bin:/opt=1' },
      { setting: 'label', name: 'version', before: '1', after: '2' },
    ]);
  });

  it('name every other field as people do, and show lists as JSON', () => {
    const one = image({ Cmd: ['sh'], User: 'root', WorkingDir: '/', ExposedPorts: { '80/tcp': {} } });
    const other = image(
      { Entrypoint: ['app', 'two words'], Volumes: { '/data': {} }, StopSignal: 'SIGINT' },
      { architecture: 'arm64', variant: 'v8' },
    );
    expect(configDifferences(one, other)).toEqual([
      { setting: 'cmd', before: '["sh"]' },
      { setting: 'entrypoint', after: '["app","two words"]' },
      { setting: 'platform', before: 'linux/amd64', after: 'linux/arm64/v8' },
      { setting: 'port', name: '80/tcp', before: '' },
      { setting: 'stop signal', after: 'SIGINT' },
      { setting: 'user', before: 'root' },
      { setting: 'volume', name: '/data', after: '' },
      { setting: 'working directory', before: '/' },
    ]);
  });

  it('have fields that the specification does not know', () => {
    const healthy = { Healthcheck: { Test: ['CMD', 'true'] } } as ContainerConfig;
    expect(configDifferences(image({}), image(healthy))).toEqual([
      { setting: 'Healthcheck', after: '{"Test":["CMD","true"]}' },
    ]);
  });
});
