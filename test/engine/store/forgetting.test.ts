import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/engine/store/database.ts';
import type { Digest } from '../../../src/oci/index.ts';

let directory: string;
let database: Database;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-forgetting-'));
  database = new Database(join(directory, 'index.db'));
});
afterEach(() => {
  database[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const [gone, kept] = [digest('a'), digest('b')];
const forgetGone = (more = {}) => database.forget({ blobs: [gone], steps: new Set(), before: 0, ...more });

describe('what is forgotten with a blob', () => {
  it('are the layers that it was, and the steps that made only those', () => {
    for (const [name, blob] of [
      ['1', gone],
      ['2', kept],
    ] as const) {
      const diffId = digest(name);
      database.addLayer(diffId, 'gzip', { mediaType: 't', digest: blob, size: 1 });
      database.addStep(`step ${name}`, { diffId, created: 'now' });
    }
    // The same layer in another compression is enough to know what the step makes.
    database.addLayer(digest('3'), 'gzip', { mediaType: 't', digest: gone, size: 1 });
    database.addLayer(digest('3'), 'zstd', { mediaType: 't', digest: kept, size: 1 });
    database.addStep('step 3', { diffId: digest('3'), created: 'now' });
    forgetGone();
    expect(database.layer(digest('1'), 'gzip')).toBeUndefined();
    expect(['1', '2', '3'].map(name => database.step(`step ${name}`)?.diffId)).toEqual([
      undefined,
      digest('2'),
      digest('3'),
    ]);
  });

  it('are downloads and configs that it was', () => {
    database.addBlobStamp(gone, 'stamp');
    for (const blob of [gone, kept]) {
      database.remember('downloads', blob, { sha256: blob.slice('sha256:'.length), size: 1 });
      database.remember('images', blob, { digest: blob });
    }
    forgetGone();
    expect(database.blobStamp(gone)).toBeUndefined();
    for (const memory of ['downloads', 'images'] as const) {
      expect(database.recall(memory, gone)).toBeUndefined();
      expect(database.recall(memory, kept)).toBeDefined();
    }
  });

  it('are contents of layers that nobody has asked for lately, but not those of layers that are here', () => {
    for (const [name, blob] of [
      ['1', gone],
      ['2', kept],
    ] as const)
      database.addLayer(digest(name), 'gzip', { mediaType: 't', digest: blob, size: 1 });
    for (const name of ['1', '2', '3']) database.addContents(digest(name), Buffer.from(name));
    const known = () => ['1', '2', '3'].filter(name => database.contents(digest(name)) !== undefined);
    forgetGone();
    expect(known()).toEqual(['1', '2', '3']);
    forgetGone({ before: Date.now() + 60_000 });
    expect(known()).toEqual(['2']);
    expect(database.contents(digest('2'))).toEqual(new Uint8Array(Buffer.from('2')));
  });

  it('are images of registries of which no layer is left', () => {
    const image = (...layers: readonly Digest[]) => ({
      manifest: { layers: layers.map(digest => ({ digest })) },
    });
    database.remember('bases', 'all gone', image(gone));
    database.remember('bases', 'one left', image(gone, kept));
    database.remember('bases', 'without layers', image());
    forgetGone();
    const left = ['all gone', 'one left', 'without layers'].filter(key => database.recall('bases', key));
    expect(left).toEqual(['one left', 'without layers']);
  });
});

describe('what is forgotten after a time', () => {
  const later = Date.now() + 10_000;

  it('are steps that changed nothing, unless somebody wants them', () => {
    for (const key of ['wanted', 'unwanted']) database.addStep(key, { diffId: undefined, created: 'now' });
    forgetGone();
    expect(database.step('unwanted')).toBeDefined();
    forgetGone({ before: later, steps: new Set(['wanted']) });
    expect(database.step('wanted')).toBeDefined();
    expect(database.step('unwanted')).toBeUndefined();
  });

  it('is what was looked up, and of projects what they were made of when they are no more', () => {
    database.remember('lookups', 'k', 1);
    database.addHistory(directory, 'one', 'here');
    database.addHistory(join(directory, 'none'), 'one', 'gone');
    forgetGone();
    expect(database.recall('lookups', 'k')).toBe(1);
    expect(database.history(join(directory, 'none'), 'one')).toBe('gone');
    forgetGone({ before: later });
    expect(database.recall('lookups', 'k')).toBeUndefined();
    expect(database.history(join(directory, 'none'), 'one')).toBeUndefined();
    expect(database.history(directory, 'one')).toBe('here');
  });
});
