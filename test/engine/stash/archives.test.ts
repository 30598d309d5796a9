import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ImageArchive, importArchive } from '../../../src/engine/stash/archives.ts';
import { openImage } from '../../../src/oci/index.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { type RawEntry, rawTar } from '../../layers/support.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-archive-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function imported(kind: ImageArchive['kind'], entries: readonly RawEntry[], tag?: string) {
  const path = join(directory, 'image.tar');
  writeFileSync(path, rawTar(entries));
  const { signal } = new AbortController();
  return importArchive({ kind, path, ...(tag && { tag }) }, join(directory, 'layout'), signal);
}

const json = (name: string, value: unknown): RawEntry => ({ name, content: JSON.stringify(value) });
const digest = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const layer = rawTar([{ name: 'file', content: 'content' }]);

const config = (layers: number) =>
  json('config.json', {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: Array.from({ length: layers }, () => digest(layer)) },
  });

const saved = (layers: readonly string[]) =>
  json('manifest.json', [{ Config: 'config.json', RepoTags: null, Layers: layers }]);

describe('an archive of docker save', () => {
  it('may have one layer under several names', async () => {
    const reference = await imported('docker-archive', [
      { name: 'id1/layer.tar', content: layer },
      { name: 'id2/layer.tar', type: '2', link: '../id1/layer.tar' },
      { name: 'id3/layer.tar', type: '2', link: './../id2/layer.tar' },
      config(3),
      saved(['id1/layer.tar', './id2/layer.tar', 'id3/layer.tar']),
    ]);
    const { manifest } = await openImage(reference);
    expect(manifest.layers.map(blob => blob.digest)).toEqual(Array.from({ length: 3 }, () => digest(layer)));
    expect(readFileSync(join(reference.path, 'blobs', digest(layer).replace(':', '/')))).toEqual(layer);
  });

  it.each(['layer.tar', '../../elsewhere', '/etc/passwd'])('has no layer behind a link to %s', async link => {
    const entries = [{ name: 'id/layer.tar', type: '2', link }, config(1), saved(['id/layer.tar'])];
    await expect(imported('docker-archive', entries)).rejects.toThrow(
      'there is no id/layer.tar in the archive',
    );
  });

  const manifests = [
    {},
    null,
    'text',
    [null],
    [7],
    [{}],
    [{ Config: 'config.json' }],
    [{ Config: 7, Layers: [] }],
    [{ Config: 'config.json', Layers: [7] }],
    [{ Config: 'config.json', Layers: [], RepoTags: 'tag' }],
  ];
  it.each(manifests.map(value => ({ value })))(
    'is refused by name where it says $value',
    async ({ value }) => {
      await refused('docker-archive', [config(0), json('manifest.json', value)], 'manifest.json');
    },
  );

  it.each([null, {}, { rootfs: 7 }, { architecture: 'a', os: 'b', rootfs: { type: 'layers', diff_ids: 7 } }])(
    'is refused by name where its config is %j',
    async value => {
      await refused('docker-archive', [saved([]), json('config.json', value)], 'config.json');
    },
  );
});

describe('an archive with a layout', () => {
  it.each([null, 'text', { manifests: 7 }, { schemaVersion: 2, manifests: [{}] }])(
    'is refused by name where its index is %j',
    async value => {
      await refused('oci-archive', [json('index.json', value)], 'index.json');
    },
  );

  it.each([null, 7, { schemaVersion: 2, layers: {}, config: {} }])(
    'is refused by name where its manifest is %j',
    async value => {
      const content = JSON.stringify(value);
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const entry = { mediaType, digest: digest(content), size: content.length };
      const name = `blobs/${digest(content).replace(':', '/')}`;
      const index = json('index.json', { schemaVersion: 2, manifests: [entry] });
      await refused('oci-archive', [index, { name, content }], name);
    },
  );
});

async function refused(kind: ImageArchive['kind'], entries: readonly RawEntry[], name: string) {
  const importing = imported(kind, entries);
  await expect(importing).rejects.toThrow(`${name} in ${directory}/image.tar`);
  await expect(importing).rejects.toBeInstanceOf(AshlarError);
}
