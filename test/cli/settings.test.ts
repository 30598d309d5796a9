import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readSettings } from '../../src/cli/settings.ts';
import { decimalSize } from '../../src/cli/size.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ashlar-settings-'));
  vi.stubEnv('XDG_CONFIG_HOME', home);
  vi.stubEnv('XDG_DATA_HOME', join(home, 'data'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

describe('settings', () => {
  it("are stacker's defaults in the current directory", async () => {
    expect(await readSettings({})).toEqual({
      workDir: '',
      stackerDir: resolve('.stacker'),
      ociDir: resolve('oci'),
      rootsDir: resolve('roots'),
      store: join(home, 'data/ashlar'),
    });
  });

  it('take the work directory as prefix of what is not set itself', async () => {
    expect(await readSettings({ workDir: '/w', ociDir: 'here' })).toMatchObject({
      workDir: '/w',
      stackerDir: '/w/.stacker',
      ociDir: resolve('here'),
      rootsDir: '/w/roots',
    });
  });

  it('come from the config file, which flags override', async () => {
    mkdirSync(join(home, 'stacker'));
    writeFileSync(join(home, 'stacker/conf.yaml'), 'oci_dir: /from/file\nrootfs_dir: /roots\nother: 1\n');
    expect(await readSettings({ rootsDir: '/flag' })).toMatchObject({
      ociDir: '/from/file',
      rootsDir: '/flag',
    });
    writeFileSync(join(home, 'conf.yaml'), 'oci_dir: /first\n');
    expect(await readSettings({})).toMatchObject({ ociDir: '/first' });
  });

  it('are an error when the config file is not YAML', async () => {
    writeFileSync(join(home, 'conf.yaml'), 'a: [');
    await expect(readSettings({})).rejects.toThrow(`couldn't parse the config file ${home}/conf.yaml`);
  });

  it('refuse a colon in the roots directory', async () => {
    await expect(readSettings({ rootsDir: '/a:b' })).rejects.toThrow(
      "using ':' in the name of --roots-dir (/a:b) is forbidden due to overlay constraints",
    );
  });
});

describe('decimalSize', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1250, '1.3 kB'],
    [9999, '10 kB'],
    [62_870_000, '63 MB'],
    [2_000_000_000, '2.0 GB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(decimalSize(bytes)).toBe(text);
  });
});
