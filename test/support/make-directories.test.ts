import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeDirectories } from '../../src/support/make-directories.ts';

describe('makeDirectories', () => {
  it('makes what is missing, and returns the first of it', () => {
    const top = mkdtempSync(join(tmpdir(), 'ashlar-directories-'));
    onTestFinished(() => rmSync(top, { recursive: true }));
    mkdirSync(join(top, 'a'));
    expect(makeDirectories(join(top, 'a/b/c'))).toBe(join(top, 'a/b'));
    expect(statSync(join(top, 'a/b/c')).isDirectory()).toBe(true);
    expect(makeDirectories(join(top, 'a/b/c'))).toBeUndefined();
    writeFileSync(join(top, 'file'), '');
    expect(() => makeDirectories(join(top, 'file'))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => makeDirectories(join(top, 'file/below'))).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    );
  });

  it('gives up where nobody can make any', () => {
    expect(() => makeDirectories('/proc/none/below')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
