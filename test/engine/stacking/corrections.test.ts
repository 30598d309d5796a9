/** Layers of corrections: what is taken from other layers may be of any size. */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LookContext } from '../../../src/engine/context.ts';
import { contentsOf } from '../../../src/engine/layer-contents.ts';
import { keepLayer } from '../../../src/engine/layer-records.ts';
import { entriesFor } from '../../../src/engine/stacking/corrections.ts';
import type { LayerRecord } from '../../../src/engine/values.ts';
import { decodeContents, packLayer } from '../../../src/layers/index.ts';
import type { Correction } from '../../../src/stacking/index.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { useStore } from '../stores.ts';

const stored = useStore();

/** A layer with two names of a file of so many MiB. */
async function layerOf(size: number, context: LookContext): Promise<LayerRecord> {
  const script = `mkdir files; cd files; truncate -s ${size}M large; printf end >> large; ln large same`;
  execFileSync('sh', ['-ec', script], { cwd: stored.directory });
  const output = join(stored.directory, 'layer');
  const files = {
    source: join(stored.directory, 'files'),
    target: '/',
    keep: 'all',
    uid: 0,
    gid: 0,
  } as const;
  const packed = await packLayer(
    { kind: 'files', entries: [files], parents: [] },
    { compression: 'none', output },
  );
  if (!packed) throw new Error('there is no layer');
  return keepLayer(packed, output, 'none', context);
}

it('corrections take files of any size out of layers, and leave nothing behind', async () => {
  const context = stored.build();
  // More than is ever merged.
  const layer = await layerOf(257, context);
  const { entries } = await contentsOf(layer, context);
  const corrections = ['large', 'same'].map((path): Correction => {
    const entry = entries.get(path);
    if (!entry) throw new Error(`${path} is missing`);
    return { kind: 'taken', path: `/${path}`, entry, layer: layer.diffId };
  });
  const before = readdirSync(stored.store.temporary);
  const output = join(stored.directory, 'extra');
  {
    using extra = await entriesFor(corrections, [layer], context);
    const packed = await packLayer(
      { kind: 'entries', entries: extra.entries },
      { compression: 'zstd', output },
    );
    const made = decodeContents(packed?.contents ?? Buffer.alloc(0)).entries;
    expect(made.get('large')?.sha256).toBe(entries.get('large')?.sha256);
    expect(made.get('same')?.linkedTo).toBe('large');
  }
  expect(readdirSync(stored.store.temporary)).toEqual(before);
});

it('corrections that cannot be had leave nothing behind', async () => {
  const context = stored.build();
  const layer = await layerOf(1, context);
  const entry = (await contentsOf(layer, context)).entries.get('large');
  if (!entry) throw new Error('there is no file');
  writeFileSync(stored.store.blobPath(layer.descriptor.digest), 'no tar');
  const before = readdirSync(stored.store.temporary);
  const taken: Correction = { kind: 'taken', path: '/large', entry, layer: layer.diffId };
  await expect(entriesFor([taken], [layer], context)).rejects.toThrow(AshlarError);
  expect(readdirSync(stored.store.temporary)).toEqual(before);
});
