import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOfFiles, type FileStamp, type ListedEntry, type StatCache } from '../../src/layers/index.ts';
import { scratch, sh } from './support.ts';

function tree(): string {
  const root = scratch();
  sh('mkdir -p d/sub; echo x > d/file; ln -s file d/link; echo f > f; touch -d @1000 f d/file d', root);
  return root;
}

describe('the identity of files', () => {
  it('is the same for the same content, wherever it is and whenever it was made', async () => {
    const [a, b] = [tree(), tree()];
    sh('touch -d @5000 d/file d f', b);
    expect(await digestOfFiles(`${a}/d`)).toBe(await digestOfFiles(`${b}/d/`));
    expect(await digestOfFiles(`${a}/f`)).toBe(await digestOfFiles(`${b}/f`));
  });

  it.each([
    ['content', 'echo y > d/file'],
    ['a mode', 'chmod 600 d/file'],
    ['the mode of the directory', 'chmod 700 d'],
    ['an owner', 'chown 5 d/file'],
    ['a group', 'chgrp 5 d/sub'],
    ['a link target', 'ln -sfn other d/link'],
    ['an attribute', 'setfattr -n user.a -v b d/file'],
    ['a name', 'mv d/file d/file2'],
    ['a new entry', 'touch d/new'],
    ['an entry less', 'rm d/link'],
    ['a type', 'rm d/file; mkdir d/file'],
    ['the place of an entry', 'mv d/file d/sub/file'],
  ])('changes with %s', async (_, script) => {
    const root = tree();
    const before = await digestOfFiles(`${root}/d`);
    sh(script, root);
    expect(await digestOfFiles(`${root}/d`)).not.toBe(before);
  });

  it('of a single file is its content, mode and attributes, not its owner', async () => {
    const root = tree();
    const before = await digestOfFiles(`${root}/f`);
    sh('chown 5:5 f; mv f g', root);
    expect(await digestOfFiles(`${root}/g`)).toBe(before);
    sh('cp g h; setfattr -n user.a -v b g; chmod 600 h', root);
    expect(await digestOfFiles(`${root}/g`)).not.toBe(before);
    expect(await digestOfFiles(`${root}/h`)).not.toBe(before);
  });

  it('of a link is its target, which need not exist; links in the parents are followed', async () => {
    const root = tree();
    symlinkSync('/nowhere', join(root, 'l'));
    symlinkSync('d', join(root, 'via'));
    expect(await digestOfFiles(join(root, 'l'))).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestOfFiles(join(root, 'via/file'))).toBe(await digestOfFiles(join(root, 'd/file')));
  });

  it('cannot be had of nothing', async () => {
    await expect(digestOfFiles('/nowhere/at/all')).rejects.toThrow('cannot read /nowhere/at/all');
  });

  it('asks a cache before it reads, and remembers only files that have settled', async () => {
    const root = tree();
    const known = new Map<string, string>();
    const asked: string[] = [];
    const key = (stamp: FileStamp) => Object.values(stamp).join();
    const cache: StatCache = {
      get: stamps => {
        asked.push(...stamps.map(key));
        return stamps.map(stamp => known.get(key(stamp)));
      },
      set: files => {
        for (const [stamp, what] of files) known.set(key(stamp), what);
      },
    };
    const first = await digestOfFiles(`${root}/d`, { cache });
    expect(known.size).toBe(0);
    await new Promise(resolve => setTimeout(resolve, 2100));
    expect(await digestOfFiles(`${root}/d`, { cache })).toBe(first);
    expect(known.size).toBe(1);
    for (const stamp of known.keys()) known.set(stamp, 'made up');
    expect(await digestOfFiles(`${root}/d`, { cache })).not.toBe(first);
    expect(asked).toHaveLength(3);
  });

  it('is the same from a cache as from the files, with attributes, alone and in directories', async () => {
    const root = tree();
    sh('setfattr -n user.a -v b d/file; printf y > d/other', root);
    const known = new Map<string, string>();
    const key = (stamp: FileStamp) => Object.values(stamp).join();
    const cache: StatCache = {
      get: stamps => stamps.map(stamp => known.get(key(stamp))),
      set: files => {
        for (const [stamp, what] of files) known.set(key(stamp), what);
      },
    };
    const identities = async (with_?: StatCache) => {
      const entries: ListedEntry[] = [];
      const digests = [
        await digestOfFiles(`${root}/d/file`, { cache: with_ }),
        await digestOfFiles(`${root}/d`, { cache: with_, onEntry: entry => entries.push(entry) }),
      ];
      return { digests, entries };
    };
    const plain = await identities();
    await new Promise(resolve => setTimeout(resolve, 2100));
    expect(await identities(cache)).toEqual(plain);
    expect(known.size).toBe(2);
    expect(await identities(cache)).toEqual(plain);
  });

  it('tells a directory from its neighbours with the same bytes in a row', async () => {
    const root = scratch();
    mkdirSync(join(root, 'a'));
    mkdirSync(join(root, 'b'));
    sh('printf xy > a/x; printf z > a/y; printf x > b/x; printf yz > b/y', root);
    expect(await digestOfFiles(`${root}/a`)).not.toBe(await digestOfFiles(`${root}/b`));
  });
});
