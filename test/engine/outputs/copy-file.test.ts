import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { copyFile, shareFile } from '../../../src/engine/outputs/copy-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-copy-'));
afterAll(() => rmSync(directory, { recursive: true }));
const { signal } = new AbortController();

function sparse(name: string, size: number, data: readonly number[]): string {
  const path = join(directory, name);
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  for (const at of data) writeSync(fd, Buffer.from(`at ${at}`), 0, undefined, at);
  closeSync(fd);
  return path;
}

describe('a copy', () => {
  it('has the bytes and the holes of the file', async () => {
    const places = fc.array(
      fc.nat(20).map(block => block * 65_536),
      { maxLength: 5 },
    );
    const property = fc.asyncProperty(places, fc.nat(3 << 20), async (data, size) => {
      const source = sparse('source', size, data);
      const target = join(directory, 'target');
      rmSync(target, { force: true });
      await copyFile(source, target, signal);
      expect(readFileSync(target).equals(readFileSync(source))).toBe(true);
      expect(statSync(target).blocks).toBeLessThanOrEqual(statSync(source).blocks);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it('does not take the place of anything', async () => {
    const source = sparse('one', 10, [0]);
    await expect(copyFile(source, sparse('two', 10, []), signal)).rejects.toThrow('EEXIST');
  });

  it('ends when it is stopped, and leaves files closed', async () => {
    const source = sparse('long', 200 << 20, [0, 100 << 20]);
    await expect(copyFile(source, join(directory, 'stopped'), AbortSignal.abort())).rejects.toThrow();
  });

  it('is the file itself where that will do', async () => {
    const source = sparse('shared', 1 << 20, [5]);
    const target = join(directory, 'sharing');
    await shareFile(source, target, signal);
    expect(readFileSync(target).equals(readFileSync(source))).toBe(true);
  });
});
