import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accounts, root, SmallTree } from './trees.ts';

const file = (path: string, text = 'new\n', mode = 0o640) => ({ kind: 'file', path, text, mode }) as const;

describe('files', () => {
  it('are made with the directories on the way, all of one time', () => {
    using tree = new SmallTree();
    tree.setUp([file('/a/b/c', 'ünï\n', 0o4755)]);
    expect(tree.read('a/b/c')).toBe('ünï\n');
    expect(lstatSync(tree.at('a/b/c')).mode & 0o7777).toBe(0o4755);
    for (const path of ['a', 'a/b', 'a/b/c']) expect(lstatSync(tree.at(path)).mtimeMs).toBe(1e9);
  });

  it('leave the times of directories as they were, and what is the same untouched', () => {
    using tree = new SmallTree({ 'etc/same': 'new\n' });
    chmodSync(tree.at('etc/same'), 0o640);
    for (const path of ['etc/same', 'etc']) utimesSync(tree.at(path), 7, 7);
    const before = lstatSync(tree.at('etc/same'));
    tree.setUp([file('/etc/same'), file('/etc/other'), { kind: 'remove', path: '/etc/hosts' }]);
    expect(lstatSync(tree.at('etc/same')).ctimeMs).toBe(before.ctimeMs);
    expect(lstatSync(tree.at('etc')).mtimeMs).toBe(7000);
  });

  it('replace files and links, but not where only a missing one is wanted', () => {
    using tree = new SmallTree({ 'etc/real': 'old\n' });
    symlinkSync('real', tree.at('etc/link'));
    tree.setUp([
      { ...file('/etc/link'), ifMissing: true },
      { ...file('/etc/real'), ifMissing: true },
    ]);
    expect(tree.read('etc/real')).toBe('old\n');
    tree.setUp([file('/etc/link')]);
    expect(lstatSync(tree.at('etc/link')).isFile()).toBe(true);
    expect(tree.read('etc/real')).toBe('old\n');
  });

  it('do not replace directories, nor go below files', () => {
    using tree = new SmallTree();
    expect(() => tree.setUp([file('/etc')])).toThrow('/etc is a directory in the tree');
    expect(() => tree.setUp([file('/etc/hosts/x')])).toThrow('/etc/hosts is no directory in the tree');
    expect(() => tree.setUp([file('/')])).toThrow('/ is the root directory');
  });
});

describe('links and directories', () => {
  it('are made and changed', () => {
    using tree = new SmallTree();
    tree.setUp([
      { kind: 'link', path: '/dev/fd', target: '/proc/self/fd' },
      { kind: 'link', path: '/etc/hosts', target: 'elsewhere', ifMissing: true },
      { kind: 'directory', path: '/run/x', mode: 0o1777 },
      { kind: 'directory', path: '/etc', mode: 0o700 },
    ]);
    expect(readlinkSync(tree.at('dev/fd'))).toBe('/proc/self/fd');
    expect(lstatSync(tree.at('etc/hosts')).isFile()).toBe(true);
    expect(lstatSync(tree.at('run/x')).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(tree.at('etc')).mode & 0o7777).toBe(0o700);
    tree.setUp([{ kind: 'link', path: '/dev/fd', target: '/other' }]);
    expect(readlinkSync(tree.at('dev/fd'))).toBe('/other');
  });
});

describe('what is removed', () => {
  it('is a file, a directory with all in it, or what matches a pattern, hidden files too', () => {
    using tree = new SmallTree({
      'image/config.xml': '',
      'image/root/.x': '',
      'run/a/b': '',
      'run/.hidden': '',
      'var/log/a.log': '',
      'var/log/a.txt': '',
      'keep/x': '',
    });
    symlinkSync('../keep', tree.at('run/link'));
    const paths = ['/image', '/run/*', '/var/log/?.log', '/missing', '/missing/*', '/etc/hosts/*'];
    tree.setUp(paths.map(path => ({ kind: 'remove', path })));
    expect(readdirSync(tree.path).sort()).toEqual(['etc', 'keep', 'run', 'var']);
    expect(readdirSync(tree.at('run'))).toEqual([]);
    expect(readdirSync(tree.at('var/log'))).toEqual(['a.txt']);
    expect(existsSync(tree.at('keep/x'))).toBe(true);
  });

  it('is what a shell would match', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), minLength: 1, maxLength: 6 });
    const name = fc
      .string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 6 })
      .filter(text => !/^\.+$/.test(text));
    const matched = (text: string, pattern: string) =>
      spawnSync('sh', ['-c', 'case "$1" in $2) exit 0;; esac; exit 1', 'sh', text, pattern]).status === 0;
    using tree = new SmallTree();
    fc.assert(
      fc.property(name, word, (text, pattern) => {
        fc.pre(!/^\.+$/.test(pattern));
        tree.write(`d/${text}`, '');
        tree.setUp([{ kind: 'remove', path: `/d/${pattern}` }]);
        const gone = !existsSync(tree.at(`d/${text}`));
        rmSync(tree.at(`d/${text}`), { force: true });
        return gone === matched(text, pattern);
      }),
      { numRuns: 60 },
    );
  });
});

describe('owners', () => {
  it.runIf(root)('are accounts of the tree, or numbers', () => {
    using tree = new SmallTree({ ...accounts, file: '' });
    const change = (owner: string, mode?: number) =>
      tree.setUp([{ kind: 'owner', path: '/file', owner, ...(mode !== undefined && { mode }) }]);
    change('daemon:sudo', 0o2755);
    expect(lstatSync(tree.at('file'))).toMatchObject({ uid: 1, gid: 27 });
    expect(lstatSync(tree.at('file')).mode & 0o7777).toBe(0o2755);
    change('5:6');
    expect(lstatSync(tree.at('file'))).toMatchObject({ uid: 5, gid: 6 });
    change(':users');
    expect(lstatSync(tree.at('file'))).toMatchObject({ uid: 5, gid: 100 });
    // A changed owner does not take the special bits away.
    expect(lstatSync(tree.at('file')).mode & 0o7777).toBe(0o2755);
  });

  it('must be known, and so must the file', () => {
    using tree = new SmallTree(accounts);
    const change = (path: string, owner: string) => tree.setUp([{ kind: 'owner', path, owner }]);
    expect(() => change('/etc/hosts', 'nobody')).toThrow(
      'there is no user nobody in /etc/passwd of the tree',
    );
    expect(() => change('/etc/hosts', ':none')).toThrow('there is no group none in /etc/group of the tree');
    expect(() => change('/missing', '1')).toThrow('there is no /missing in the tree');
  });
});

describe('a hostile tree', () => {
  it('leads nowhere outside of itself', () => {
    using outside = new SmallTree({ ...accounts, 'x/secret': 'outside\n' });
    const before = snapshot(outside.path);
    using tree = new SmallTree();
    const up = `../../../../../../..${outside.path}`;
    mkdirSync(tree.at(outside.path), { recursive: true });
    symlinkSync(outside.path, tree.at('absolute'));
    symlinkSync(up, tree.at('relative'));
    for (const name of ['passwd', 'shadow', 'group', 'machine-id', 'hostname', 'locale.conf'])
      symlinkSync(`${up}/etc/${name}`, tree.at(`etc/${name}`));
    symlinkSync(up, tree.at('home'));
    tree.setUp([
      file('/absolute/x/secret'),
      file('/relative/new'),
      file('/../../../../etc/out'),
      { kind: 'remove', path: '/absolute/*' },
      { kind: 'users', users: [{ name: 'ann', groups: [], at: { file: 'f', line: 1, column: 1 } }] },
      { kind: 'hostname', hostname: 'name' },
      { kind: 'machine-id' },
      { kind: 'locale', locales: ['C'], at: { file: 'f', line: 1, column: 1 } },
    ]);
    expect(snapshot(outside.path)).toEqual(before);
    expect(tree.read('etc/out')).toBe('new\n');
  });

  it('cannot make anybody wait or read without end', () => {
    using tree = new SmallTree();
    spawnSync('mkfifo', [tree.at('etc/passwd')]);
    const users = [{ name: 'ann', groups: [], at: { file: 'f', line: 1, column: 1 } }];
    expect(() => tree.setUp([{ kind: 'users', users }])).toThrow('/etc/passwd is no file in the tree');
    rmSync(tree.at('etc/passwd'));
    writeFileSync(tree.at('etc/passwd'), '');
    spawnSync('truncate', ['-s', '1T', tree.at('etc/passwd')]);
    expect(() => tree.setUp([{ kind: 'users', users }])).toThrow('too large');
  });
});

function snapshot(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).map(entry => {
    const path = join(entry.parentPath, entry.name);
    return `${path} ${entry.isFile() ? readFileSync(path, 'utf8') : ''}`;
  });
}
