import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeOutdatedSystems, systemDirectory } from '../../../src/engine/project/systems.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-systems-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the directory for builds of one place', () => {
  it('is the same each time, and private', () => {
    const store = join(directory, 'store');
    const one = systemDirectory(store, '/a');
    expect(systemDirectory(store, '/a')).toBe(one);
    expect(systemDirectory(store, '/b')).not.toBe(one);
    expect(statSync(store).mode & 0o777).toBe(0o700);
  });

  it('goes when the results are gone, but not while they may be made', () => {
    const result = join(directory, 'result');
    writeFileSync(result, '');
    const old = (target: string) => {
      const path = systemDirectory(directory, target);
      utimesSync(join(path, 'target'), 1_600_000_000, 1_600_000_000);
      return path;
    };
    const [kept, gone] = [old(result), old(join(directory, 'nowhere'))];
    const young = systemDirectory(directory, join(directory, 'coming'));
    removeOutdatedSystems(directory);
    expect([kept, gone, young].map(path => existsSync(path))).toEqual([true, false, true]);
  });
});
