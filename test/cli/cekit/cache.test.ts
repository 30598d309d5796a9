import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-cekit-cache-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** What the command prints. */
async function cache(...words: readonly string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed += text;
    return true;
  });
  const places = ['--store', join(directory, 'store'), '--work-dir', join(directory, 'work')];
  try {
    await describeProgram('cekit-cache').parseAsync([...words, ...places], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed;
}

describe('the cache of artifacts', () => {
  const path = join(directory, 'file');
  const sum = (name: string) => createHash(name).update('content\n').digest('hex');

  it('says what CEKit says', async () => {
    expect(await cache('ls')).toBe('No artifacts cached!\n');
    writeFileSync(path, 'content\n');
    const flags = ['--md5', sum('md5').toUpperCase(), '--sha256', sum('sha256')];
    const added = await cache('add', path, ...flags);
    const [uuid = ''] = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(added) ?? [];
    expect(added).toBe(`Artifact ${path} cached with UUID '${uuid}'\n`);
    expect(await cache('add', path, ...flags)).toBe(`Artifact ${path} is already cached!\n`);
    expect(await cache('ls')).toBe(
      [
        '',
        `${uuid}:`,
        ...['sha512', 'sha256', 'sha1', 'md5'].map(name => `  ${name}: ${sum(name)}`),
        '  names:',
        '    - file',
        '',
      ].join('\n'),
    );
    expect(await cache('rm', uuid)).toBe(`Artifact with UUID '${uuid}' removed\n`);
    await expect(cache('rm', uuid)).rejects.toThrow(
      `Artifact with UUID '${uuid}' doesn't exists in the cache`,
    );
    await cache('add', path, ...flags);
    expect(await cache('clear', '-y')).toBe('Artifact cache cleared!\n');
    expect(await cache('ls')).toBe('No artifacts cached!\n');
  });

  it('does not keep what it cannot have, or what is not what it was said to be', async () => {
    await expect(cache('add', '/none', '--md5', sum('md5'))).rejects.toThrow(
      'Cannot cache artifact /none: /none is not a file',
    );
    await expect(cache('add', path, '--sha1', '0'.repeat(40))).rejects.toThrow(
      `Cannot cache artifact ${path}: Artifact checksum verification failed!`,
    );
    expect(await cache('ls')).toBe('No artifacts cached!\n');
  });

  it('shows what CEKit has kept, whatever it is called, and leaves it there', async () => {
    mkdirSync(join(directory, 'work/cache'), { recursive: true });
    const uuid = '0e1c29a1-8f8b-4cf0-9d0a-0a35e5c7a3b1';
    writeFileSync(join(directory, 'work/cache', uuid), 'content\n');
    const entry = { names: ['a\u001b[2Jb'], cached_path: 'x', md5: sum('md5') };
    writeFileSync(join(directory, 'work/cache', `${uuid}.yaml`), JSON.stringify(entry));
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const listed = `\n${uuid}:\n  md5: ${sum('md5')}\n  names:\n    - a\\x1b[2Jb\n`;
    expect(await cache('ls')).toBe(listed);
    expect(await cache('clear', '--yes')).toBe('Artifact cache cleared!\n');
    expect(process.stderr.write).toHaveBeenCalledWith('1 in the cache of CEKit itself stay there\n');
    expect(await cache('ls')).toBe(listed);
  });
});
