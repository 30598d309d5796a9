import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  contentOf,
  findInTree,
  firstFile,
  makeDirectoryInTree,
  namesInTree,
  readBytes,
  readContent,
  readTextInTree,
  removeInTree,
  textContent,
  writeInTree,
} from '../../../src/disk/boot/tree.ts';
import { scratch } from '../../layers/support.ts';
import { makeTree } from './trees.ts';

const write = (tree: string, path: string, text: string) => writeInTree(tree, path, 0o640, textContent(text));

describe('files of a tree', () => {
  it('are found as programs of the tree find them', () => {
    const tree = makeTree({
      'usr/lib/a': 'a',
      lib: '-> usr/lib',
      'etc/b': '-> /lib/a',
      'etc/up': '-> ../../../lib/a',
    });
    for (const path of ['/lib/a', '/etc/b', '/etc/up', '/usr/lib/../lib/a'])
      expect(findInTree(tree, path)).toMatchObject({ path: '/usr/lib/a', kind: 'file', size: 1 });
    expect(findInTree(tree, '/lib')?.kind).toBe('directory');
    expect(namesInTree(tree, '/lib')).toEqual(['a']);
  });

  it('are not there where links lead to nothing, in circles or out of the tree', () => {
    const tree = makeTree({
      'a/loop': '-> loop',
      'a/gone': '-> nowhere',
      'a/file/below': '',
      'a/out': '-> /etc/passwd',
    });
    for (const path of ['/a/loop', '/a/gone', '/a/file/below/x', '/a/out'])
      expect(findInTree(tree, path)).toBeUndefined();
    expect([namesInTree(tree, '/a/gone'), readTextInTree(tree, '/a/out')]).toEqual([[], undefined]);
  });

  it('are never pipes that nobody writes to', () => {
    const tree = makeTree({ 'etc/x': '' });
    execFileSync('mkfifo', [join(tree, 'etc/pipe')]);
    expect([firstFile(tree, ['/etc/pipe', '/etc/x']), readTextInTree(tree, '/etc/pipe')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('are refused where their names, as text, could be those of other files', () => {
    const outside = scratch();
    writeFileSync(join(outside, 'file'), 'secret of the host');
    const tree = makeTree({ 'd\uFFFD': `-> ${outside}` });
    const odd = Buffer.concat([Buffer.from(`${tree}/d`), Buffer.of(0xff)]);
    mkdirSync(odd);
    writeFileSync(Buffer.concat([odd, Buffer.from('/file')]), 'of the tree, of this size.');
    symlinkSync(
      Buffer.concat([Buffer.from('d'), Buffer.of(0xff), Buffer.from('/file')]),
      join(tree, 'kernel'),
    );
    expect(() => firstFile(tree, ['/kernel'])).toThrow(
      '/kernel of the image leads to a name that is no text',
    );
  });

  it('are refused when they are larger than can be', () => {
    const file = firstFile(makeTree({ big: 'x'.repeat(100) }), ['/big']);
    expect(() => file && readBytes(file, 99)).toThrow('/big is too big to be true: 100 bytes');
  });

  it('are not written where directories are, or behind what is none', () => {
    const tree = makeTree({ 'etc/fstab/x': '', boot: '', loop: '-> loop', dangling: '-> /nowhere' });
    for (const path of ['/etc/fstab', '/boot/grub/grub.cfg', '/loop/x', '/dangling/x'])
      expect(() => write(tree, path, 'text')).toThrow(
        `${path} of the image cannot be changed: something else`,
      );
    expect(() => removeInTree(tree, '/etc/fstab')).toThrow('/etc/fstab of the image cannot be changed');
    expect(() => makeDirectoryInTree(tree, '/boot/efi')).toThrow('/boot/efi of the image cannot be changed');
  });

  it('are written in place of links, not through them', () => {
    const outside = join(scratch(), 'outside');
    writeFileSync(outside, 'mine');
    const tree = makeTree({ 'etc/fstab': `-> ${outside}`, 'usr/lib/x': '', lib: '-> usr/lib' });
    write(tree, '/etc/fstab', 'new');
    expect([readFileSync(outside, 'utf8'), readFileSync(join(tree, 'etc/fstab'), 'utf8')]).toEqual([
      'mine',
      'new',
    ]);
    expect(lstatSync(join(tree, 'etc/fstab')).mode & 0o7777).toBe(0o640);
    write(tree, '/lib/y', 'through a directory of the tree');
    expect(existsSync(join(tree, 'usr/lib/y'))).toBe(true);
  });

  it('are written below directories that lead out of the tree only inside of it', () => {
    const outside = scratch();
    const tree = makeTree({ 'etc/x': '', boot: `-> ${outside}` });
    expect(() => write(tree, '/boot/grub/grub.cfg', 'x')).toThrow();
    expect(namesInTree(outside, '/')).toEqual([]);
    expect(readlinkSync(join(tree, 'boot'))).toBe(outside);
  });

  it('get the directories that they need, and are removed', () => {
    const tree = makeTree({ 'etc/x': '' });
    write(tree, '/boot/grub/grub.cfg', 'menu');
    expect(lstatSync(join(tree, 'boot/grub')).mode & 0o7777).toBe(0o755);
    makeDirectoryInTree(tree, '/boot/efi');
    expect(namesInTree(tree, '/boot')).toEqual(['efi', 'grub']);
    for (const path of ['/boot/grub/grub.cfg', '/boot/nothing', '/nowhere/at/all']) removeInTree(tree, path);
    expect(namesInTree(tree, '/boot/grub')).toEqual([]);
  });

  it('are read where they were found, though links or pipes have come in their place since', () => {
    const tree = makeTree({
      'boot/kernel': 'of the tree',
      'boot/pipe': 'a file yet',
      'boot/link': 'a file yet',
    });
    const outside = scratch();
    for (const name of ['kernel', 'link']) writeFileSync(join(outside, name), 'secret of the host');
    const [kernel, pipe, link] = ['kernel', 'pipe', 'link'].map(name => {
      const found = firstFile(tree, [`/boot/${name}`]);
      if (!found) throw new Error(`there is no ${name}`);
      return contentOf(found);
    });
    for (const name of ['pipe', 'link']) rmSync(join(tree, 'boot', name));
    execFileSync('mkfifo', [join(tree, 'boot/pipe')]);
    symlinkSync(join(outside, 'link'), join(tree, 'boot/link'));
    for (const [name, content] of Object.entries({ pipe, link }))
      expect(() => content && [...readContent(content)]).toThrow(
        `/boot/${name} of the image was replaced while the disk was made`,
      );
    rmSync(join(tree, 'boot'), { recursive: true });
    symlinkSync(outside, join(tree, 'boot'));
    expect(() => kernel && [...readContent(kernel)]).toThrow('/boot/kernel of the image was replaced');
  });

  it('are noticed when they become shorter while they are read', () => {
    const path = join(makeTree({ a: 'four' }), 'a');
    expect(() => [...readContent({ kind: 'file', path, size: 5 })]).toThrow(
      'became shorter while it was read',
    );
  });
});
