import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TreeLayer } from '../../../src/engine/inside/requests.ts';
import { Snapshots } from '../../../src/engine/inside/snapshots.ts';
import { file, rawTar, sha256 } from '../../layers/support.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-snapshots-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const tar = rawTar([file('f', '', { content: Buffer.from('content') })]);

/** A layer whose snapshot has been made, and what makes it again. */
async function unpacked() {
  const layer: TreeLayer = {
    diffId: `sha256:${sha256(tar)}`,
    blob: join(directory, 'blob'),
    compression: 'none',
  };
  writeFileSync(layer.blob, tar);
  let processes = 0;
  const open = async () => {
    processes += 1;
    const options = { directory, temporary: join(directory, `process-${processes}`) };
    const snapshots = new Snapshots({ ...options, singleId: true, warn: () => {} });
    const [snapshot] = await snapshots.ensure([layer], new AbortController().signal);
    return snapshot?.tree ?? '';
  };
  const tree = await open();
  return { open, tree, facts: join(tree, '../facts.json') };
}

describe('a snapshot', () => {
  it.each([
    ['not there any more', (facts: string) => rmSync(facts)],
    ['cut short', (facts: string) => writeFileSync(facts, '{"implied')],
  ])('is made again when what is known of it is %s', async (_, damage) => {
    const { open, tree, facts } = await unpacked();
    rmSync(join(tree, 'f'));
    damage(facts);
    expect(readFileSync(join(await open(), 'f'), 'utf8')).toBe('content');
  });

  it('stays, for those who use it, when it cannot be read for another reason', async () => {
    const { open, tree, facts } = await unpacked();
    rmSync(facts);
    mkdirSync(facts);
    await expect(open()).rejects.toThrow('EISDIR');
    expect(existsSync(join(tree, 'f'))).toBe(true);
  });
});
