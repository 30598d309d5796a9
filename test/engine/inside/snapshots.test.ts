import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Snapshot, Snapshots, treeIn } from '../../../src/engine/inside/snapshots.ts';
import { digestOf } from '../../../src/oci/index.ts';
import { file, rawTar } from '../../layers/support.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ashlar-snapshots-'));
  mkdirSync(join(root, 'store'));
});
afterEach(() => rmSync(root, { recursive: true }));

const tar = rawTar([file('a', 'content')]);
const diffId = digestOf(tar);

/** The snapshot of a layer, as a process of its own opens it. */
async function open(): Promise<Snapshot | undefined> {
  const temporary = mkdtempSync(join(root, 'process-'));
  const blob = join(root, 'layer');
  writeFileSync(blob, tar);
  const directory = join(root, 'store');
  const snapshots = new Snapshots({ directory, temporary, singleId: true, warn: () => {} });
  const { signal } = new AbortController();
  const [snapshot] = await snapshots.ensure([{ blob, compression: 'none', diffId }], signal);
  expect(readdirSync(temporary)).toEqual([]);
  return snapshot;
}

const at = (name: string) => join(treeIn(join(root, 'store'), diffId), '..', name);

it('is unpacked once', async () => {
  const first = await open();
  writeFileSync(at('tree/mark'), '');
  expect(await open()).toEqual(first);
  expect(readdirSync(at('tree'))).toEqual(['a', 'mark']);
});

it.each([
  ['facts that are cut short', () => writeFileSync(at('facts.json'), '{"opaque')],
  ['no facts', () => rmSync(at('facts.json'))],
  [
    'a file in its place',
    () => {
      rmSync(at('.'), { recursive: true });
      writeFileSync(at('.'), '');
    },
  ],
])('is made anew when it has %s', async (_, damage) => {
  const first = await open();
  writeFileSync(at('tree/mark'), '');
  damage();
  expect(await open()).toEqual(first);
  expect(readdirSync(at('tree'))).toEqual(['a']);
  expect(readFileSync(at('tree/a'), 'utf8')).toBe('content');
});

it('stays when it merely cannot be read', async () => {
  await open();
  rmSync(at('facts.json'));
  mkdirSync(at('facts.json'));
  await expect(open()).rejects.toThrow('EISDIR');
  expect(readdirSync(at('tree'))).toEqual(['a']);
});
