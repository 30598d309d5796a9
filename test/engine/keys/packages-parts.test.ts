import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { LookContext } from '../../../src/engine/context.ts';
import { packagesParts } from '../../../src/engine/keys/system-parts.ts';
import type { LayerRecord } from '../../../src/engine/values.ts';
import { digestOf } from '../../../src/oci/index.ts';
import type { PackagesStep, Repository } from '../../../src/plan/system-steps.ts';
import { rawTar } from '../../layers/support.ts';
import { useStore } from '../stores.ts';

const at = { file: 'plan', line: 1, column: 1 };

function step(repository: Partial<Repository> = {}, rest: Partial<PackagesStep> = {}): PackagesStep {
  return {
    kind: 'packages',
    manager: 'apt',
    repositories: [
      {
        ...{ alias: 'main', type: undefined, url: 'https://example.org', urlKind: 'baseurl', at },
        ...{ components: [], architectures: [], keys: [], ...repository },
      },
    ],
    ...{ bootstrap: false, install: ['a'], collections: [], ignore: [], uninstall: [], delete: [] },
    ...{ recommended: false, excludeDocs: false, locales: [], checkSignatures: false, keys: [] },
    ...{ createdBy: 'packages', failure: 'packages failed', at, ...rest },
  };
}

/** Nothing of the store is asked for where no program of this machine works. */
const context = { options: { network: 'host' } } as LookContext;

async function parts(packages: PackagesStep): Promise<string> {
  const platform = { os: 'linux', architecture: 'amd64' };
  return JSON.stringify(await packagesParts(packages, { platform }, [], undefined, context));
}

describe('what packages depend on', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'parts-'));
  afterAll(() => rmSync(scratch, { recursive: true }));

  function repository(name: string, index: string): string {
    const directory = join(scratch, name);
    mkdirSync(directory);
    writeFileSync(join(directory, 'Packages'), index);
    return directory;
  }

  it('is what is asked for, and where it comes from', async () => {
    const usual = await parts(step());
    expect(await parts(step())).toBe(usual);
    for (const other of [
      step({ url: 'https://example.com' }),
      step({}, { install: ['b'] }),
      step({ priority: 1 }),
    ])
      expect(await parts(other)).not.toBe(usual);
  });

  it('is not how to log in there, nor how a failure is worded', async () => {
    const credentials = { user: 'me', password: 'secret' };
    const elsewhere = { file: 'other', line: 2, column: 3 };
    const other = step({ credentials, at: elsewhere }, { failure: 'oops', createdBy: 'x', at: elsewhere });
    expect(await parts(other)).toBe(await parts(step()));
  });

  it('is the content of a repository of this machine, not its place', async () => {
    const one = repository('one', 'Package: a');
    const moved = join(scratch, 'moved');
    cpSync(one, moved, { recursive: true });
    const before = await parts(step({ url: one }));
    expect(before).not.toContain(scratch);
    expect(await parts(step({ url: moved }))).toBe(before);
    expect(await parts(step({ url: repository('two', 'Package: b') }))).not.toBe(before);
  });

  describe('where a program of this machine does the work', () => {
    const stored = useStore();
    afterEach(() => void vi.unstubAllEnvs());

    function layerOf(...names: readonly string[]): LayerRecord {
      const tar = rawTar(names.map(name => ({ name })));
      const digest = digestOf(tar);
      const fetch = async () => {
        const path = stored.store.temporaryPath('blob');
        writeFileSync(path, tar);
        await stored.store.placeBlob(digest, path);
      };
      const mediaType = 'application/vnd.oci.image.layer.v1.tar';
      const descriptor = { mediaType, digest, size: tar.length };
      return { diffId: digest, descriptor, format: { kind: 'tar', compression: 'none' }, fetch };
    }

    function program(name: string, version: string): void {
      const text = `#!/bin/sh\necho ${name} ${version}\n`;
      writeFileSync(join(stored.directory, name), text, { mode: 0o755 });
    }

    async function programFor(...layers: readonly LayerRecord[]): Promise<string | undefined> {
      const context = { ...stored.build(), options: { network: 'host' } } as LookContext;
      const platform = { os: 'linux', architecture: 'amd64' };
      const found = await packagesParts(step({}, { bootstrap: true }), { platform }, [], layers, context);
      return new Map(found).get('program of this machine');
    }

    it('is that program and its version, of whichever it takes', async () => {
      vi.stubEnv('PATH', `${stored.directory}:${process.env.PATH}`);
      for (const name of ['apt-get', 'mmdebstrap']) program(name, '1.2');
      const database = layerOf('var/lib/dpkg/status');
      expect(await programFor()).toBe('mmdebstrap 1.2');
      expect(await programFor(layerOf('etc/hosts'))).toBe('mmdebstrap 1.2');
      expect(await programFor(database)).toBe('apt-get 1.2');
      expect(await programFor(database, layerOf('usr/bin/apt-get'))).toBeUndefined();
      program('apt-get', '1.2.3');
      expect(await programFor(database)).toBe('apt-get 1.2.3');
    });
  });

  it('is what the script of a repository says', async () => {
    const [first = '', same = '', second = ''] = ['1', '1', '2'].map((text, i) => {
      const path = join(scratch, `script-${i}`);
      writeFileSync(path, text);
      return path;
    });
    const before = await parts(step({ customize: first }));
    expect(await parts(step({ customize: same }))).toBe(before);
    expect(await parts(step({ customize: second }))).not.toBe(before);
    await expect(parts(step({ customize: join(scratch, 'none') }))).rejects.toThrow('cannot read');
  });
});
