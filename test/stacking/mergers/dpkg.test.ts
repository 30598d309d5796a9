import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MergeResult } from '../../../src/stacking/merger.ts';
import { dpkg } from '../../../src/stacking/mergers/dpkg.ts';
import { has } from '../../support/tools.ts';
import { contentOf, type Files, merge, removedBy, type TestTree, treeOf } from './views.ts';

const STATUS = '/var/lib/dpkg/status';
const MARKS = '/var/lib/apt/extended_states';
const INFO = '/var/lib/dpkg/info';

type Fields = Readonly<Record<string, string>>;

function stanza(name: string, version: string, fields: Fields = {}): string {
  const all = {
    ...{ Package: name, Status: 'install ok installed', Maintainer: 'Jos\u00e9 <j@example.com>' },
    ...{ Architecture: 'amd64', Version: version, ...fields, Description: `${name}\n for tests\n .\n of it` },
  };
  return `${Object.entries(all)
    .map(([field, value]) => `${field}: ${value}\n`)
    .join('')}\n`;
}

/** `name version`, sorted by name. */
function status(...packages: readonly string[]): string {
  return packages
    .toSorted()
    .map(one => stanza(...(one.split(' ') as [string, string])))
    .join('');
}

function tree(text: string, others: Files = {}): TestTree {
  return treeOf({ [STATUS]: text, ...others });
}

/** What is installed, as `name version`. */
function packagesIn(result: MergeResult): readonly string[] {
  const text = contentOf(result, STATUS)?.toString() ?? '';
  return [...text.matchAll(/^Package: (.*)$[\s\S]*?^Version: (.*)$/gm)].map(
    ([, name, version]) => `${name} ${version}`,
  );
}

describe('the database of dpkg', () => {
  it('lists what all parts have installed, in the order of names, byte for byte as they wrote it', async () => {
    const result = await merge(dpkg, tree(status('base 1', 'old 1')), {
      x: tree(status('base 1', 'old 1', 'shared 1', 'zsh 5')),
      y: tree(status('base 1', 'old 1', 'cron 3', 'shared 1')),
    });
    expect(result.conflicts).toEqual([]);
    expect(contentOf(result, STATUS)?.toString()).toBe(
      status('base 1', 'cron 3', 'old 1', 'shared 1', 'zsh 5'),
    );
  });

  it('keeps out what a part removed, and has what a part upgraded', async () => {
    const result = await merge(dpkg, tree(status('a 1', 'b 1', 'c 1')), {
      x: tree(status('a 2', 'b 1', 'c 1')),
      y: tree(status('a 1', 'c 1', 'd 1')),
    });
    expect(packagesIn(result)).toEqual(['a 2', 'c 1', 'd 1']);
    expect(result.conflicts).toEqual([]);
  });

  it('has the last version where parts have several, and names all of them', async () => {
    const result = await merge(dpkg, tree(status('a 1', 'b 1', 'c 1')), {
      x: tree(status('a 1.10', 'b 2', 'n 1')),
      y: tree(status('a 1.9', 'b 1', 'c 2', 'n 1~rc')),
    });
    expect(packagesIn(result)).toEqual(['a 1.9', 'b 2', 'c 2', 'n 1~rc']);
    expect(result.conflicts).toEqual([
      { kind: 'package', path: STATUS, parts: ['x', 'y'], text: 'package a: 1.10 in x (newer), 1.9 in y' },
      { kind: 'removed', path: STATUS, parts: ['x', 'y'], text: 'package c: removed in x, 2 in y' },
      { kind: 'package', path: STATUS, parts: ['x', 'y'], text: 'package n: 1 in x (newer), 1~rc in y' },
    ]);
  });

  it('takes a package that is removed but for its configuration for another state of it', async () => {
    const left = stanza('a', '1', { Status: 'deinstall ok config-files' });
    const result = await merge(dpkg, tree(stanza('a', '1')), { x: tree(left), y: tree(stanza('a', '2')) });
    expect(result.conflicts).toMatchObject([
      { kind: 'package', text: expect.stringContaining('1 (config-files) in x') },
    ]);
  });

  it('tells architectures of one package apart', async () => {
    const lib = (architecture: string, version: string) =>
      stanza('lib', version, { Architecture: architecture, 'Multi-Arch': 'same' });
    const result = await merge(dpkg, tree(lib('amd64', '1')), {
      x: tree(lib('amd64', '1') + lib('i386', '1')),
      y: tree(lib('amd64', '2')),
    });
    expect(contentOf(result, STATUS)?.toString()).toBe(lib('amd64', '2') + lib('i386', '1'));
    expect(result.conflicts).toEqual([]);
  });

  it('brings fields of one version together', async () => {
    const result = await merge(dpkg, tree(stanza('a', '1')), {
      x: tree(stanza('a', '1', { Conffiles: '\n /etc/a 00', 'Triggers-Pending': 'one' })),
      y: tree(stanza('a', '1', { Conffiles: '\n /etc/b 11', 'Triggers-Pending': 'two', Priority: 'low' })),
    });
    expect(contentOf(result, STATUS)?.toString()).toMatch(
      /Conffiles:\n \/etc\/a 00\n \/etc\/b 11\nTriggers-Pending: one two\nPriority: low\n/,
    );
    expect(result.conflicts).toEqual([]);
  });

  it('has a conflict where one version is in different states', async () => {
    const result = await merge(dpkg, tree(''), {
      x: tree(stanza('a', '1', { Status: 'hold ok installed' })),
      y: tree(stanza('a', '1', { Status: 'install ok half-configured' })),
    });
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'merge', path: STATUS, parts: ['x', 'y'] },
        text: 'package a has different fields Status in x and y',
      },
    ]);
  });

  it.each([
    ['a line that is no field', 'Package: a\nnonsense\n\n', 'a line that is no field'],
    ['a stanza without a name', 'Version: 1\n\n', 'has no package'],
    ['two stanzas of a package', status('a 1', 'a 1'), 'two stanzas of the package a'],
  ])('is not merged with %s in it, but as the last part has it', async (_, text, reason) => {
    const last = status('a 1', 'c 1');
    const result = await merge(dpkg, tree(status('a 1')), { x: tree(text), y: tree(last) });
    expect(contentOf(result, STATUS)?.toString()).toBe(last);
    expect(result.conflicts).toEqual([
      { kind: 'merge', path: STATUS, parts: ['x', 'y'], text: expect.stringContaining(reason) },
    ]);
  });

  it('is decided like any file when a part removed it', async () => {
    const result = await merge(dpkg, tree(status('a 1')), { x: tree(status('a 1', 'b 1')), y: treeOf({}) });
    expect(result).toMatchObject({ files: [], conflicts: [], declined: [STATUS] });
  });

  it('is warned about when dpkg was stopped in the middle', async () => {
    const result = await merge(dpkg, tree(''), {
      x: tree(status('a 1'), { '/var/lib/dpkg/updates/0001': stanza('a', '2') }),
      y: tree(status('b 1')),
    });
    expect(result.conflicts).toMatchObject([{ kind: 'merge', path: '/var/lib/dpkg/updates', parts: ['x'] }]);
  });

  it('keeps bytes that are not UTF-8', async () => {
    const odd = Buffer.concat([
      Buffer.from('Package: odd\nVersion: 1\nMaintainer: J'),
      Buffer.from([0xe9, 0xa0]),
      Buffer.from('\n\n'),
    ]);
    const x = treeOf({ [STATUS]: odd });
    const result = await merge(dpkg, tree(''), { x, y: tree(status('a 1')) });
    expect(contentOf(result, STATUS)?.includes(odd)).toBe(true);
  });

  describe('with a package in two versions', () => {
    const info = (version: string, ...files: readonly string[]): Files => ({
      [`${INFO}/pkg.list`]: ['/.', '/usr', ...files, ''].join('\n'),
      [`${INFO}/pkg.md5sums`]: `of ${version}\n`,
      ...Object.fromEntries(files.map(path => [path, `${path} of ${version}`])),
    });
    const x = tree(status('pkg 1'), {
      ...info('1', '/usr/bin/pkg', '/usr/lib/old', '/usr/lib/unchanged'),
      '/usr/lib/unchanged': 'as it was',
      [`${INFO}/pkg.postinst`]: 'of 1',
      [`${INFO}/pkg.other.list`]: 'of another package',
    });
    const y = tree(status('pkg 2'), {
      ...info('2', '/usr/bin/pkg', '/usr/lib/new', '/usr/lib/unchanged'),
      [`${INFO}/pkg.prerm`]: 'of 2',
    });
    const base = tree('', { '/usr/lib/unchanged': 'as it was' });

    it('has the files of the last part only', async () => {
      const result = await merge(dpkg, base, { x, y });
      expect(removedBy(result).toSorted()).toEqual(['/usr/lib/old', `${INFO}/pkg.postinst`]);
      expect(result.declined).toEqual([]);
    });

    it('has the files of the first part only where that prevails', async () => {
      const result = await merge(dpkg, base, { y, x });
      expect(packagesIn(result)).toEqual(['pkg 1']);
      expect(removedBy(result).toSorted()).toEqual(['/usr/lib/new', `${INFO}/pkg.prerm`]);
    });

    it('has a file that only the other version changed as it was', async () => {
      // What is stacked has y on top; x, which prevails, has left the file alone.
      const views = await merge(dpkg, base, { y, x });
      expect(contentOf(views, '/usr/lib/unchanged')?.toString()).toBe('as it was');
    });
  });

  it('leaves files about a package of one version to the rules', async () => {
    const file = `${INFO}/a.postinst`;
    const result = await merge(dpkg, tree(status('a 1')), {
      x: tree(status('a 1', 'b 1'), { [file]: 'one' }),
      y: tree(status('a 1', 'c 1'), { [file]: 'two' }),
    });
    expect(result.declined).toEqual([file]);
  });

  describe('marks packages as automatic', () => {
    const marks = (...names: readonly string[]) =>
      names.map(name => `Package: ${name}\nArchitecture: amd64\nAuto-Installed: 1\n\n`).join('');

    it('when any part does', async () => {
      const result = await merge(dpkg, tree(status('a 1'), { [MARKS]: marks('a') }), {
        x: tree(status('a 1', 'b 1'), { [MARKS]: marks('a', 'b') }),
        y: tree(status('a 1', 'c 1'), { [MARKS]: marks('a', 'c') }),
      });
      expect(contentOf(result, MARKS)?.toString()).toBe(marks('a', 'b', 'c'));
    });

    it('as parts say that installed nothing', async () => {
      const before = marks('a', 'b', 'c');
      const result = await merge(dpkg, treeOf({ [MARKS]: before }), {
        x: treeOf({
          [MARKS]: before.replace(
            'a\nArchitecture: amd64\nAuto-Installed: 1',
            'a\nArchitecture: amd64\nAuto-Installed: 0',
          ),
        }),
        y: treeOf({ [MARKS]: marks('a', 'b') }),
      });
      expect(contentOf(result, MARKS)?.toString().match(/\w+$/gm)).toEqual([
        'a',
        'amd64',
        '0',
        'b',
        'amd64',
        '1',
      ]);
    });

    it('unless another one has installed them for their own sake', async () => {
      const result = await merge(dpkg, tree(''), {
        x: tree(status('lib 1', 'p 1'), { [MARKS]: marks('lib') }),
        y: tree(status('lib 1', 'q 1')),
      });
      expect(contentOf(result, MARKS)?.toString()).toBe(
        'Package: lib\nArchitecture: amd64\nAuto-Installed: 0\n\n',
      );
    });
  });

  it.each([
    ['triggers/File', '/a p\n', '/a p\n/b q/noawait\n', '/a p\n/c r\n', '/a p\n/b q/noawait\n/c r\n'],
    ['triggers/ldconfig', 'libc-bin\n', 'libc-bin\nx\n', 'y\n', 'x\ny\n'],
    ['triggers/Unincorp', '', 'ldconfig a b\n', 'ldconfig b c\nman-db d\n', 'ldconfig a b c\nman-db d\n'],
    ['arch', 'amd64\n', 'amd64\ni386\n', 'amd64\narm64\n', 'amd64\ni386\narm64\n'],
    ['diversions', '/a\n/b\np\n', '/a\n/b\np\n/c\n/d\n:\n', '/e\n/f\nq\n', '/c\n/d\n:\n/e\n/f\nq\n'],
    ['statoverride', '', 'root a 755 /a b\n', 'root b 2755 /b\n', 'root a 755 /a b\nroot b 2755 /b\n'],
    [
      'status.d/base',
      '',
      stanza('base', '1'),
      stanza('base', '1', { Source: 's' }),
      stanza('base', '1', { Source: 's' }),
    ],
  ])('has in %s what all parts say', async (name, before, one, other, expected) => {
    const path = `/var/lib/dpkg/${name}`;
    const result = await merge(dpkg, treeOf({ [path]: before }), {
      x: treeOf({ [path]: one }),
      y: treeOf({ [path]: other }),
    });
    expect(contentOf(result, path)?.toString()).toBe(expected);
  });

  it.each([
    ['diversions', '/a\n/b\np\n', '/a\n/c\np\n', 'the diversion of /a differs in x and y'],
    ['diversions', '/a\n/b\np\n', '/a\n', 'the last diversion is not complete'],
    ['statoverride', 'root a 755 /a\n', 'root b 755 /a\n', 'the override for /a differs in x and y'],
    ['statoverride', 'root a 755 /a\n', 'nonsense\n', 'line 1 is not understood'],
    ['status.d/base', stanza('base', '1'), stanza('base', '2'), 'package base: 1 in x, 2 in y (newer)'],
  ])('has a conflict in %s between %j and %j', async (name, one, other, text) => {
    const path = `/var/lib/dpkg/${name}`;
    const result = await merge(dpkg, treeOf({}), {
      x: treeOf({ [path]: one }),
      y: treeOf({ [path]: other }),
    });
    expect(contentOf(result, path)?.toString().trim()).toBe(other.trim());
    expect(result.conflicts).toMatchObject([
      { path, parts: ['x', 'y'], text: expect.stringContaining(text) },
    ]);
  });

  it('takes whichever there is of backups and locks', async () => {
    const names = ['status-old', 'diversions-old', 'lock', 'triggers/Lock'].map(
      name => `/var/lib/dpkg/${name}`,
    );
    const files = (text: string) => treeOf(Object.fromEntries(names.map(name => [name, text])));
    const result = await merge(dpkg, files(''), { x: files('x'), y: files('y') });
    expect(result).toMatchObject({ files: [], conflicts: [], declined: [] });
  });

  it('keeps a file that another part, too, has brought, be it of another version', async () => {
    const list = { [`${INFO}/p.list`]: '/usr/lib/mine\n/usr/lib/both\n' };
    const result = await merge(dpkg, tree(''), {
      x: tree(status('p 1'), { ...list, '/usr/lib/mine': 'x', '/usr/lib/both': 'x' }),
      y: tree(status('q 1'), { '/usr/lib/both': 'x' }),
      z: tree(status('p 2'), { [`${INFO}/p.list`]: '/usr\n' }),
    });
    expect(removedBy(result)).toEqual(['/usr/lib/mine']);
  });

  const some = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.constantFrom('1', '2', '1:1'));
  const lines = (packages: Readonly<Record<string, string>>) =>
    Object.entries(packages).map(([name, version]) => `${name} ${version}`);

  it('is what one part made of it when the other one changed no package, whichever comes first', async () => {
    await fc.assert(
      fc.asyncProperty(some, some, async (before, after) => {
        const [base, x, y] = [before, after, before].map((packages, i) =>
          tree(status(...lines(packages)) + (i === 2 ? '\n' : '')),
        );
        if (!base || !x || !y) throw new Error('three trees');
        fc.pre(JSON.stringify(before) !== JSON.stringify(after));
        for (const parts of [
          { x, y },
          { y, x },
        ]) {
          const result = await merge(dpkg, base, parts);
          expect(contentOf(result, STATUS)).toEqual((await x.read(STATUS))?.content);
          expect(result.conflicts).toEqual([]);
        }
      }),
    );
  });

  it('is the same in either order where nobody disagrees, and merging again changes nothing', async () => {
    const apart = fc
      .tuple(some, some, some)
      .filter(([before, x, y]) =>
        [...'abcdefgh'].every(
          name => x[name] === before[name] || y[name] === before[name] || x[name] === y[name],
        ),
      );
    await fc.assert(
      fc.asyncProperty(apart, async ([before, one, other]) => {
        const [base, x, y] = [before, one, other].map(packages => tree(status(...lines(packages))));
        if (!base || !x || !y) throw new Error('three trees');
        const [there, back] = [await merge(dpkg, base, { x, y }), await merge(dpkg, base, { y, x })];
        expect(there.conflicts).toEqual([]);
        expect(contentOf(there, STATUS)).toEqual(contentOf(back, STATUS));
        const text = contentOf(there, STATUS)?.toString();
        if (text === undefined) return;
        const again = await merge(dpkg, base, { both: tree(text), x });
        expect(contentOf(again, STATUS)?.toString() ?? text).toBe(text);
      }),
    );
  });

  it.skipIf(!has('dpkg-query'))('can be read by dpkg', async () => {
    const result = await merge(dpkg, tree(status('base 1')), {
      x: tree(status('base 2', 'b 1')),
      y: tree(status('base 1', 'a 1:2~rc')),
    });
    const directory = mkdtempSync(join(tmpdir(), 'ashlar-dpkg-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    for (const name of ['info', 'updates']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, 'status'), contentOf(result, STATUS) ?? '');
    const format = '${Package} ${Version} ${db:Status-Status}\n';
    const listed = execFileSync('dpkg-query', ['--admindir', directory, '--show', '--showformat', format]);
    expect(listed.toString()).toBe('a 1:2~rc installed\nb 1 installed\nbase 2 installed\n');
  });
});
