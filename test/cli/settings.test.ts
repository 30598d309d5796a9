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

  it("come from stacker's own place when there is no XDG_CONFIG_HOME", async () => {
    vi.stubEnv('XDG_CONFIG_HOME', undefined);
    vi.stubEnv('HOME', home);
    mkdirSync(join(home, '.config/stacker'), { recursive: true });
    writeFileSync(join(home, '.config/stacker/conf.yaml'), 'work_dir: /w\nstacker_dir: /s\noci_dir:\n');
    expect(await readSettings({})).toMatchObject({
      workDir: '/w',
      stackerDir: '/s',
      ociDir: '/w/oci',
      rootsDir: '/w/roots',
    });
    vi.stubEnv('XDG_CONFIG_HOME', join(home, 'elsewhere'));
    expect(await readSettings({})).toMatchObject({ workDir: '', ociDir: resolve('oci') });
  });

  it('come from the file of --config alone, which may be missing', async () => {
    writeFileSync(join(home, 'conf.yaml'), 'oci_dir: /first\n');
    writeFileSync(join(home, 'other.yaml'), 'roots_dir: /unknown/key\nstacker_dir: 0755\n');
    expect(await readSettings({ config: join(home, 'other.yaml') })).toMatchObject({
      ociDir: resolve('oci'),
      stackerDir: resolve('493'),
      rootsDir: resolve('roots'),
    });
    expect(await readSettings({ config: join(home, 'none.yaml') })).toMatchObject({ ociDir: resolve('oci') });
    writeFileSync(join(home, 'empty.yaml'), '# nothing\n');
    expect(await readSettings({ config: join(home, 'empty.yaml') })).toMatchObject({
      ociDir: resolve('oci'),
    });
  });

  it.each([
    ['a: b\n  c: d\n', 1, 4],
    ['- oci_dir\n', 1, 1],
    ['a: b\noci_dir: [x]\n', 2, 10],
  ])('are an error with its place when the config file is %j', async (text, line, column) => {
    const file = join(home, 'conf.yaml');
    writeFileSync(file, text);
    const error = await readSettings({}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'AshlarError',
      message: expect.stringContaining(`couldn't parse the config file ${file}: `),
      at: { file, line, column },
    });
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
