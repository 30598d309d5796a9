import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isSmall } from '../../src/layers/small-job.ts';
import { scratch } from './support.ts';

describe('isSmall', () => {
  const copying = (...sources: readonly string[]) =>
    isSmall({
      kind: 'files',
      entries: sources.map(source => ({ source, target: '/x', keep: 'content', uid: 0, gid: 0 })),
      parents: [],
    });

  function directory(files: number, bytes: number): string {
    const path = join(scratch(), 'deep/down');
    mkdirSync(path, { recursive: true });
    for (let i = 0; i < files; i++) {
      writeFileSync(join(path, `${i}`), '');
      truncateSync(join(path, `${i}`), bytes);
    }
    return join(path, '..');
  }

  it('is true of a few small files, and of none', () => {
    expect(copying()).toBe(true);
    expect(copying(directory(10, 1000), directory(10, 1000))).toBe(true);
  });

  it('counts the files and bytes of all sources together', () => {
    expect(copying(directory(40, 0))).toBe(true);
    expect(copying(directory(40, 0), directory(40, 0))).toBe(false);
    expect(copying(directory(1, 200_000))).toBe(true);
    expect(copying(directory(1, 200_000), directory(1, 200_000))).toBe(false);
  });

  it('leaves what is not there, and all other jobs, to the worker', () => {
    expect(copying(join(scratch(), 'none'))).toBe(false);
    expect(isSmall({ kind: 'entries', entries: [] })).toBe(false);
  });
});
