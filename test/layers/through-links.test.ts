import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeContents,
  mergeContents,
  readLayerContents,
  type TreeDirectories,
  treeDirectories,
} from '../../src/layers/index.ts';
import { dir, file, hardlink, packTar, type RawEntry, rawTar, scratch, sh, symlink } from './support.ts';

/** A tree with merged directories, as its one layer says it. */
async function below(...entries: readonly RawEntry[]): Promise<TreeDirectories> {
  const path = join(scratch(), 'layer');
  writeFileSync(path, rawTar(entries));
  const { contents } = await readLayerContents({ blob: path, compression: 'none' });
  return treeDirectories(mergeContents([decodeContents(contents)]));
}

const merged = () =>
  below(
    dir('usr', { mode: 0o711 }),
    dir('usr/lib', { mode: 0o751 }),
    symlink('lib', 'usr/lib'),
    symlink('usr/lib/deep', '../share'),
    dir('usr/share', { mode: 0o700 }),
    symlink('out', '../../../usr/share'),
    symlink('abs', '/usr/lib'),
    symlink('dangling', 'nowhere'),
    file('plain', 'x'),
    symlink('to-file', 'plain'),
    symlink('loop', 'loop'),
  );

function listed(tar: Buffer): readonly string[] {
  const text = execFileSync('tar', ['--numeric-owner', '-tvf', '-'], { input: tar, encoding: 'utf8' });
  return text
    .trim()
    .split('\n')
    .map(line => line.replace(/^(\S+) +(\S+) +\S+ \S+ \S+ (.*)$/, '$1 $2 $3'));
}

describe('the links of a tree to directories', () => {
  it('are those that lead to one, and none leads out', async () => {
    expect([...(await merged()).links]).toEqual([
      ['abs', 'usr/lib'],
      ['lib', 'usr/lib'],
      ['out', 'usr/share'],
      ['usr/lib/deep', 'usr/share'],
    ]);
  });
});

describe('a directory that is copied through links', () => {
  it('has its content where the links lead, and leaves what is on the way as it is', async () => {
    const root = scratch();
    sh(
      'mkdir -p lib/deep out abs to-file new/lib; touch lib/a lib/deep/b out/c abs/d to-file/e new/lib/f; chmod -R u=rwX,go=rX .',
      root,
    );
    const layer = await packTar({
      kind: 'files',
      entries: [{ source: root, target: '/', keep: 'content', uid: 0, gid: 0, throughLinks: true }],
      parents: [],
      below: await merged(),
    });
    expect(listed(layer?.tar ?? Buffer.alloc(0))).toEqual([
      'drwxr-xr-x 0/0 /',
      'drwx--x--x 0/0 usr/',
      'drwxr-x--x 0/0 usr/lib/',
      '-rw-r--r-- 0/0 usr/lib/d',
      '-rw-r--r-- 0/0 usr/lib/a',
      'drwx------ 0/0 usr/share/',
      '-rw-r--r-- 0/0 usr/share/b',
      'drwxr-xr-x 0/0 new/',
      'drwxr-xr-x 0/0 new/lib/',
      '-rw-r--r-- 0/0 new/lib/f',
      '-rw-r--r-- 0/0 usr/share/c',
      'drwxr-xr-x 0/0 to-file/',
      '-rw-r--r-- 0/0 to-file/e',
    ]);
  });
});

describe('an archive that is extracted', () => {
  async function extracted(target: string, ...entries: readonly RawEntry[]) {
    const path = join(scratch(), 'archive.tar');
    writeFileSync(path, rawTar(entries));
    const layer = await packTar({ kind: 'tar', path, into: { target, below: await merged() } });
    return listed(layer?.tar ?? Buffer.alloc(0));
  }

  it('keeps owners and modes, and goes through the links of the tree', async () => {
    expect(
      await extracted(
        '/',
        dir('./', { uid: 5 }),
        dir('lib/', { mode: 0o777 }),
        file('lib/x', 'x', { uid: 7, gid: 8, mode: 0o4755 }),
        hardlink('lib/y', 'lib/x'),
        file('lib/deep/z', 'z'),
        dir('own', { mode: 0o700, uid: 3 }),
        file('own/w', 'w'),
      ),
    ).toEqual([
      'drwx--x--x 0/0 usr/',
      'drwxr-x--x 0/0 usr/lib/',
      '-rwsr-xr-x 7/8 usr/lib/x',
      'hrw-r--r-- 0/0 usr/lib/y link to usr/lib/x',
      'drwx------ 0/0 usr/share/',
      '-rw-r--r-- 0/0 usr/share/z',
      'drwx------ 3/0 own/',
      '-rw-r--r-- 0/0 own/w',
    ]);
  });

  it('lies below its target, hard links included', async () => {
    expect(await extracted('/opt/app', file('/a', 'a'), hardlink('b', './a'))).toEqual([
      'drwxr-xr-x 0/0 opt/',
      'drwxr-xr-x 0/0 opt/app/',
      '-rw-r--r-- 0/0 opt/app/a',
      'hrw-r--r-- 0/0 opt/app/b link to opt/app/a',
    ]);
  });

  it.each([
    ['a name that leads out', file('../x', 'x'), 'leads out'],
    ['a hard link to elsewhere', hardlink('x', '/etc/passwd'), 'is not in this layer before it'],
    ['a name that hides files', file('.wh.x', ''), 'stand for deleted files'],
    ['names below such a name', file('.wh.x/y', ''), 'stand for deleted files'],
  ])('is refused for %s', async (_, entry, message) => {
    await expect(extracted('/', entry)).rejects.toSatisfy(error =>
      `${error} ${error.hint}`.includes(message),
    );
  });
});
