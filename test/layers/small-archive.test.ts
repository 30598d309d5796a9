import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSmallArchive, writeSmallArchive } from '../../src/layers/index.ts';
import { rawTar, scratch } from './support.ts';

describe('a small archive', () => {
  it('has the files that tar has put into it, and tar finds those that we write', async () => {
    const directory = scratch();
    const names = ['a', `${'long-'.repeat(40)}name`, 'empty'];
    mkdirSync(join(directory, 'files'));
    writeFileSync(join(directory, 'files/a'), 'x'.repeat(1300), { mode: 0o755 });
    writeFileSync(join(directory, 'files', names[1] ?? ''), 'long');
    writeFileSync(join(directory, 'files/empty'), '');
    const tar = ['-C', join(directory, 'files'), '--owner=7', '--group=8', '--mtime=@1600000000'];
    const archive = execFileSync('tar', ['--format=gnu', ...tar, '-c', ...names]);
    const files = await readSmallArchive(archive);
    expect(files.map(({ entry, content }) => [entry.path, entry.mode & 0o111, content.length])).toEqual([
      [names[0], 0o111, 1300],
      [names[1], 0, 4],
      [names[2], 0, 0],
    ]);
    const list = (input: Buffer) =>
      execFileSync('tar', ['-tvf', '-', '--numeric-owner'], { input, encoding: 'utf8' });
    const written = await writeSmallArchive(files);
    expect(list(written)).toBe(list(archive));
    expect(await readSmallArchive(written)).toEqual(files);
  });

  it('is refused when it claims more than it has', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'sparse'), '');
    truncateSync(join(directory, 'sparse'), 2 ** 30);
    execFileSync('tar', ['-C', directory, '-cSf', join(directory, 'tar'), 'sparse']);
    await expect(readSmallArchive(readFileSync(join(directory, 'tar')))).rejects.toThrow(/sparse/);
    await expect(readSmallArchive(rawTar([{ name: 'f', size: 9999 }]))).rejects.toThrow(/ends within/);
    await expect(readSmallArchive(Buffer.alloc(1024, 'x'))).rejects.toThrow('the content is no tar archive');
  });
});
