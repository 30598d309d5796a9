import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addSubordinateRange } from '../../src/sandbox/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-ids-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('addSubordinateRange', () => {
  /** What is in the file afterwards. */
  function added(before: string | undefined, name = 'me', uid = 1000, ownId = uid): string {
    const file = join(directory, 'subuid');
    if (before === undefined) rmSync(file, { force: true });
    else writeFileSync(file, before);
    const changed = addSubordinateRange(file, { name, uid, ownId });
    const after = readFileSync(file, 'utf8');
    expect(changed).toBe(after !== before);
    return after;
  }

  it('begins at 100000, also in a file that does not exist', () => {
    expect(added(undefined)).toBe('me:100000:65536\n');
    expect(added('low:500:100\n')).toBe('low:500:100\nme:100000:65536\n');
  });

  it('comes after the highest range, wherever in the file that is', () => {
    expect(added('a:300000:65536\nb:100000:65536\n')).toBe(
      'a:300000:65536\nb:100000:65536\nme:365536:65536\n',
    );
  });

  it('ends an unfinished line, and steps over what it does not understand', () => {
    expect(added('# note\n\nbroken\nx:y:z\na:100000:65536')).toBe(
      '# note\n\nbroken\nx:y:z\na:100000:65536\nme:165536:65536\n',
    );
  });

  it('leaves a user alone that has a range, by name or by id', () => {
    expect(added('me:100000:65536\n')).toBe('me:100000:65536\n');
    expect(added('1000:100000:65536\n')).toBe('1000:100000:65536\n');
  });

  it('does not cover the own id', () => {
    expect(added(undefined, 'me', 100_001)).toBe('me:100002:65536\n');
    expect(added(undefined, 'me', 1000, 165_535)).toBe('me:165536:65536\n');
    expect(added(undefined, 'me', 1000, 165_536)).toBe('me:100000:65536\n');
  });

  it('says when there are no ids left', () => {
    expect(() => added('a:4294900000:65536\n')).toThrow('no 65536 ids are left above those in ');
  });
});
