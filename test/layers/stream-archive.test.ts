import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type StreamedFile, streamArchive } from '../../src/layers/stream-archive.ts';

async function archiveOf(files: readonly StreamedFile[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(streamArchive(files)));
}

describe('an archive that is streamed', () => {
  it('is what tar reads', async () => {
    const long = Buffer.alloc(100_000, 'abc');
    const digest = `blobs/sha512/${'0123456789abcdef'.repeat(8)}`;
    const archive = await archiveOf([
      { name: 'blobs/a', size: 5, content: [Buffer.from('he'), Buffer.from('llo')] },
      { name: 'empty', size: 0, content: [] },
      { name: 'directory/', size: 0, content: [] },
      { name: 'directory/owned', size: 0, owner: 107, content: [] },
      { name: 'long', size: long.length, content: [long] },
      { name: digest, size: 1, content: [Buffer.from('!')] },
    ]);
    const tar = (...args: string[]) =>
      execFileSync('tar', ['--numeric-owner', '--utc', ...args, '-f', '-'], {
        input: archive,
        stdio: 'pipe',
      });
    expect(tar('-tv').toString().trimEnd().split('\n')).toEqual([
      '-rw-r--r-- 0/0               5 1970-01-01 00:00 blobs/a',
      '-rw-r--r-- 0/0               0 1970-01-01 00:00 empty',
      'drwxr-xr-x 0/0               0 1970-01-01 00:00 directory/',
      '-rw-r--r-- 107/107           0 1970-01-01 00:00 directory/owned',
      '-rw-r--r-- 0/0          100000 1970-01-01 00:00 long',
      `-rw-r--r-- 0/0               1 1970-01-01 00:00 ${digest}`,
    ]);
    expect(tar('-xO').equals(Buffer.concat([Buffer.from('hello'), long, Buffer.from('!')]))).toBe(true);
  });

  it('holds files that are larger than a header can say', async () => {
    const size = 10 * 2 ** 30;
    const archive = streamArchive([{ name: 'huge', size, content: [Buffer.from('begin')] }]);
    const head: Uint8Array[] = [];
    for (let blocks = 0; blocks < 3; blocks++) head.push((await archive.next()).value ?? Buffer.alloc(0));
    const text = Buffer.concat(head).toString('latin1');
    expect(text.slice(512, 512 + 20)).toBe('20 size=10737418240\n');
    expect(text.slice(1024, 1028)).toBe('huge');
  });

  it('refuses a file of another length', async () => {
    await expect(archiveOf([{ name: 'f', size: 4, content: [Buffer.from('12345')] }])).rejects.toThrow(
      'f has 5 bytes, but should have had 4',
    );
  });
});
