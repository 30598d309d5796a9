/** What is known of layers' contents: read once, kept in the store, never believed unseen. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { contentsOf, filesOf } from '../../src/engine/layer-contents.ts';
import { keepLayer } from '../../src/engine/layer-records.ts';
import { findTarget } from '../../src/engine/steps/targets.ts';
import type { LayerRecord } from '../../src/engine/values.ts';
import { packLayer } from '../../src/layers/index.ts';
import { digestOf } from '../../src/oci/index.ts';
import { file, rawTar, sha256 } from '../layers/support.ts';
import { useStore } from './stores.ts';

const stored = useStore();

const tar = rawTar([file('etc/a', 'one'), file('etc/b', 'two')]);

/** A layer that somebody else has written, and how often its blob was fetched. */
function foreign(diffId = digestOf(tar)): { readonly layer: LayerRecord; readonly fetched: () => number } {
  const blob = gzipSync(tar);
  const digest = digestOf(blob);
  let fetches = 0;
  const fetch = async () => {
    fetches++;
    const path = stored.store.temporaryPath('blob');
    writeFileSync(path, blob);
    await stored.store.placeBlob(digest, path);
  };
  const descriptor = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest,
    size: blob.length,
  };
  const layer: LayerRecord = { diffId, descriptor, format: { kind: 'tar', compression: 'gzip' }, fetch };
  return { layer, fetched: () => fetches };
}

describe('contents of a layer', () => {
  it('are read from the blob once, however many ask, in this build or the next', async () => {
    const { layer, fetched } = foreign();
    const context = stored.build();
    const [one, other] = await Promise.all([contentsOf(layer, context), contentsOf(layer, context)]);
    expect(one).toBe(other);
    expect(one.entries.get('etc/a')?.sha256).toBe(sha256('one'));
    expect(await contentsOf(layer, stored.build())).toEqual(one);
    expect(fetched()).toBe(1);
  });

  it('of a layer that we packed are known without its blob', async () => {
    const output = join(stored.directory, 'packed');
    const source = join(stored.directory, 'file');
    writeFileSync(source, 'text');
    const entry = { source, target: '/opt/file', keep: 'content', uid: 0, gid: 0 } as const;
    const job = { kind: 'files', entries: [entry], parents: [] } as const;
    const packed = await packLayer(job, { compression: 'gzip', output });
    if (!packed) throw new Error('there is no layer');
    const layer = await keepLayer(packed, output, 'gzip', stored.build());
    rmSync(stored.store.blobPath(layer.descriptor.digest));
    const { entries } = await contentsOf(layer, stored.build());
    expect(entries.get('opt/file')?.sha256).toBe(sha256('text'));
    expect(await findTarget('/opt/new', 'file', [layer], stored.build())).toMatchObject({
      path: '/opt/new',
      parents: [{ path: '/' }, { path: '/opt', mode: 0o755 }],
    });
  });

  it('are an error, and not remembered, when the layer is not what its image says', async () => {
    const { layer } = foreign(digestOf(Buffer.from('something else')));
    await expect(contentsOf(layer, stored.build())).rejects.toThrow(
      `has the diff ID ${digestOf(tar)} instead of ${layer.diffId}`,
    );
    await expect(contentsOf(layer, stored.build())).rejects.toThrow('diff ID');
  });
});

describe('files of layers', () => {
  it('are read from the layer that is asked for', async () => {
    const { layer, fetched } = foreign();
    const files = filesOf([layer], stored.build());
    const found = await files.read(layer.diffId, ['etc/b', 'etc/a']);
    expect([...found].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])).toEqual([
      ['etc/b', 'two'],
      ['etc/a', 'one'],
    ]);
    const before = fetched();
    expect(await files.read(layer.diffId, [])).toEqual(new Map());
    expect(fetched()).toBe(before);
    await expect(files.read('sha256:other', ['etc/a'])).rejects.toThrow('nothing is known of the layer');
    await expect(files.read(layer.diffId, ['etc'])).rejects.toThrow('etc is no file of the layer');
  });
});
