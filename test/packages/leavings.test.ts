import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LEFT_OUT, removeLeavings } from '../../src/packages/index.ts';

describe('what managers leave', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'leavings-'));
  afterAll(() => rmSync(scratch, { recursive: true }));

  /** A directory with empty files. */
  function tree(...files: readonly string[]): string {
    const directory = mkdtempSync(join(scratch, 'tree-'));
    for (const file of files) {
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), '');
    }
    return directory;
  }

  const filesIn = (directory: string) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(directory.length))
      .sort();

  it('is gone, and all else stays', () => {
    const kept = [
      '/etc/passwd',
      '/usr/bin/program',
      '/var/lib/dpkg/status',
      '/var/lib/rpm/rpmdb.sqlite',
      '/var/log/x',
    ];
    const left = [
      ...['/etc/passwd-', '/run/lock/a', '/tmp/.hidden', '/var/log/apt/term.log', '/var/log/dpkg.log'],
      ...[
        '/var/cache/debconf/config.dat-old',
        '/var/lib/apt/lists/a_b_Packages',
        '/var/lib/dnf/history.sqlite-wal',
      ],
    ];
    const directory = tree(...kept, ...left);
    removeLeavings(directory, LEFT_OUT, []);
    expect(filesIn(directory)).toEqual(kept);
  });

  it('takes along directories in which nothing else was changed, and no others', () => {
    const lower = tree('/var/log/apt/old', '/run/old');
    const directory = tree('/var/log/apt/new', '/run/new/file', '/tmp/made');
    removeLeavings(directory, LEFT_OUT, [lower]);
    expect(existsSync(join(directory, 'var'))).toBe(false);
    expect(existsSync(join(directory, 'run'))).toBe(false);
    expect(readdirSync(directory)).toEqual(['tmp']);
  });

  it('is not looked for behind symbolic links', () => {
    const outside = tree('/apt/term.log');
    const directory = tree('/etc/name');
    mkdirSync(join(directory, 'var'));
    symlinkSync(outside, join(directory, 'var/log'));
    removeLeavings(directory, LEFT_OUT, []);
    expect(filesIn(outside)).toEqual(['/apt/term.log']);
  });

  it('matches one name and nothing between slashes', () => {
    const directory = tree('/a/one.log', '/a/one.log.gz', '/a/b/two.log', '/a/.log');
    removeLeavings(directory, ['/a/*.log', '/a/one.*.gzz'], []);
    expect(filesIn(directory)).toEqual(['/a/b/two.log', '/a/one.log.gz']);
  });
});
