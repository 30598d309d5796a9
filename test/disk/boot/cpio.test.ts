import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CpioEntry, cpioArchive } from '../../../src/disk/boot/cpio.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';

const bytesOf = (entries: readonly CpioEntry[]) => Buffer.concat([...cpioArchive(entries)]);

describe.skipIf(!has('cpio'))('a cpio archive', () => {
  it('lists as what it was made of', () => {
    const archive = bytesOf([
      { kind: 'directory', path: 'dev', mode: 0o755 },
      { kind: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
      { kind: 'file', path: 'init', mode: 0o755, content: Buffer.from('hello') },
      { kind: 'link', path: 'sh', target: 'busybox' },
    ]);
    const listed = execFileSync('cpio', ['-tv', '--quiet'], {
      input: archive,
      encoding: 'utf8',
      env: { TZ: 'UTC' },
    });
    const lines = listed
      .trim()
      .split('\n')
      .map(line => line.replace(/\s+/g, ' '));
    expect(lines).toEqual([
      'drwxr-xr-x 2 root root 0 Jan 1 1970 dev',
      'crw------- 1 root root 5, 1 Jan 1 1970 dev/console',
      '-rwxr-xr-x 1 root root 5 Jan 1 1970 init',
      'lrwxrwxrwx 1 root root 7 Jan 1 1970 sh -> busybox',
    ]);
  });

  it('holds any content, whatever its length', () => {
    const files = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(files, contents => {
        const entries = contents.map(
          (content, i): CpioEntry => ({ kind: 'file', path: `f${i}`, mode: 0o644, content }),
        );
        const directory = scratch();
        execFileSync('cpio', ['-i', '--quiet', '-D', directory], { input: bytesOf(entries) });
        expect(readdirSync(directory)).toHaveLength(contents.length);
        for (const [i, content] of contents.entries())
          expect(readFileSync(join(directory, `f${i}`))).toEqual(Buffer.from(content));
      }),
      { numRuns: 15 },
    );
  });
});
