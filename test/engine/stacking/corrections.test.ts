/** Layers of corrections: what is taken from other layers may be of any size. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LookContext } from '../../../src/engine/context.ts';
import { contentsOf } from '../../../src/engine/layer-contents.ts';
import { keepLayer } from '../../../src/engine/layer-records.ts';
import { entriesFor } from '../../../src/engine/stacking/corrections.ts';
import { Store } from '../../../src/engine/store/store.ts';
import type { LayerRecord } from '../../../src/engine/values.ts';
import { decodeContents, packLayer } from '../../../src/layers/index.ts';
import type { Correction } from '../../../src/stacking/index.ts';
import { AshlarError } from '../../../src/support/errors.ts';

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-corrections-'));
  store = new Store(join(directory, 'store'));
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

/** A build with this store. Nothing else of it is asked for. */
function build(): LookContext {
  return { store, signal: new AbortController().signal, shared: new Map() } as unknown as LookContext;
}

/** A layer with two names of a file of so many MiB. */
async function layerOf(size: number, context: LookContext): Promise<LayerRecord> {
  const script = `mkdir files; cd files; truncate -s ${size}M large; printf end >> large; ln large same`;
  execFileSync('sh', ['-ec', script], { cwd: directory });
  const output = join(directory, 'layer');
  const files = { source: join(directory, 'files'), target: '/', keep: 'all', uid: 0, gid: 0 } as const;
  const packed = await packLayer(
    { kind: 'files', entries: [files], parents: [] },
    { compression: 'none', output },
  );
  if (!packed) throw new Error('there is no layer');
  return keepLayer(packed, output, 'none', context);
}

it('corrections take files of any size out of layers, and leave nothing behind', async () => {
  const context = build();
  // More than is ever merged.
  const layer = await layerOf(257, context);
  const { entries } = await contentsOf(layer, context);
  const corrections = ['large', 'same'].map((path): Correction => {
    const entry = entries.get(path);
    if (!entry) throw new Error(`${path} is missing`);
    return { kind: 'taken', path: `/${path}`, entry, layer: layer.diffId };
  });
  const before = readdirSync(store.temporary);
  const output = join(directory, 'extra');
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
  expect(readdirSync(store.temporary)).toEqual(before);
});

it('corrections that cannot be had leave nothing behind', async () => {
  const context = build();
  const layer = await layerOf(1, context);
  const entry = (await contentsOf(layer, context)).entries.get('large');
  if (!entry) throw new Error('there is no file');
  writeFileSync(store.blobPath(layer.descriptor.digest), 'no tar');
  const before = readdirSync(store.temporary);
  const taken: Correction = { kind: 'taken', path: '/large', entry, layer: layer.diffId };
  await expect(entriesFor([taken], [layer], context)).rejects.toThrow(AshlarError);
  expect(readdirSync(store.temporary)).toEqual(before);
});
