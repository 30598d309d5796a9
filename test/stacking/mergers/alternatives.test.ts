import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MergeResult } from '../../../src/stacking/merger.ts';
import { alternatives } from '../../../src/stacking/mergers/alternatives.ts';
import { has } from '../../support/tools.ts';
import { contentOf, filesAt, merge, removedBy, type TestTree, treeOf, treeWithLinks } from './views.ts';

const GROUP = '/var/lib/dpkg/alternatives/editor';
const ADMIN = '/var/lib/dpkg/alternatives';

/** A group without slaves in which nobody has chosen. */
function group(choices: Readonly<Record<string, number>>, mode = 'auto'): string {
  const lines = Object.entries(choices).flatMap(([path, priority]) => [path, String(priority)]);
  return [mode, '/usr/bin/editor', '', ...lines, '', ''].join('\n');
}

function editors(text: string, target: string): TestTree {
  return treeWithLinks(
    { [GROUP]: text, '/bin/ed': '', '/bin/nano': '', '/bin/vi': '' },
    { '/etc/alternatives/editor': target, '/usr/bin/editor': '/etc/alternatives/editor' },
  );
}

function linksIn({ files }: MergeResult): Readonly<Record<string, string>> {
  return Object.fromEntries(
    files.flatMap(file =>
      file.kind === 'file' && file.entry.type === 'symlink' ? [[file.path, file.entry.link]] : [],
    ),
  );
}

describe('alternatives', () => {
  it('have the choices of all parts, and lead to the best one', async () => {
    const result = await merge(alternatives, editors(group({ '/bin/ed': -100 }), '/bin/ed'), {
      x: editors(group({ '/bin/ed': -100, '/bin/vi': 40 }), '/bin/vi'),
      y: editors(group({ '/bin/ed': -100, '/bin/nano': 30 }), '/bin/nano'),
    });
    expect(contentOf(result, GROUP)?.toString()).toBe(
      group({ '/bin/ed': -100, '/bin/nano': 30, '/bin/vi': 40 }),
    );
    expect(linksIn(result)).toEqual({ '/etc/alternatives/editor': '/bin/vi' });
    expect(result).toMatchObject({ conflicts: [], declined: [] });
  });

  it('stay as somebody has chosen', async () => {
    const result = await merge(alternatives, editors(group({ '/bin/ed': -100, '/bin/vi': 1 }), '/bin/vi'), {
      x: editors(group({ '/bin/ed': -100, '/bin/vi': 1 }, 'manual'), '/bin/ed'),
      y: editors(group({ '/bin/ed': -100, '/bin/nano': 30, '/bin/vi': 1 }), '/bin/nano'),
    });
    expect(contentOf(result, GROUP)?.toString()).toMatch(/^manual\n/);
    expect(linksIn(result)).toEqual({ '/etc/alternatives/editor': '/bin/ed' });
    expect(result.conflicts).toEqual([]);
  });

  it('have a conflict where two have chosen differently', async () => {
    const result = await merge(alternatives, editors(group({ '/bin/ed': 1 }), '/bin/ed'), {
      x: editors(group({ '/bin/ed': 1, '/bin/vi': 2 }, 'manual'), '/bin/vi'),
      y: editors(group({ '/bin/ed': 1, '/bin/nano': 2 }, 'manual'), '/bin/nano'),
    });
    expect(linksIn(result)).toEqual({});
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'content', path: '/etc/alternatives/editor', parts: ['x', 'y'] },
        text: '/bin/vi in x, /bin/nano in y',
      },
    ]);
  });

  it('have a conflict where two give a choice another priority', async () => {
    const result = await merge(alternatives, editors(group({ '/bin/ed': 1 }), '/bin/ed'), {
      x: editors(group({ '/bin/ed': 2 }), '/bin/ed'),
      y: editors(group({ '/bin/ed': 3 }), '/bin/ed'),
    });
    expect(contentOf(result, GROUP)?.toString()).toBe(group({ '/bin/ed': 3 }));
    expect(result.conflicts).toMatchObject([
      { kind: 'merge', path: GROUP, text: 'the priority of /bin/ed differs in x and y' },
    ]);
  });

  it('lead to a choice that is there', async () => {
    const without = (text: string, target: string) => {
      const links = { '/etc/alternatives/editor': target };
      return treeWithLinks({ [GROUP]: text, '/bin/ed': '' }, links);
    };
    const result = await merge(alternatives, treeOf({}), {
      x: without(group({ '/bin/ed': 1, '/bin/gone': 9 }), '/bin/ed'),
      y: without(group({ '/bin/ed': 1, '/bin/lost': 8 }), '/bin/lost'),
    });
    expect(linksIn(result)).toMatchObject({ '/etc/alternatives/editor': '/bin/ed' });
  });

  it('leave a file alone that is where a link should be', async () => {
    const own = { [GROUP]: group({ '/bin/ed': 1 }), '/bin/ed': '', '/usr/bin/editor': 'mine' };
    const result = await merge(alternatives, treeOf({}), {
      x: treeOf(own),
      y: treeOf({ ...own, [GROUP]: group({ '/bin/ed': 1, '/bin/vi': 2 }) }),
    });
    expect(linksIn(result)).toEqual({ '/etc/alternatives/editor': '/bin/ed' });
  });

  it('leave a link alone that is not theirs', async () => {
    const manual = (link: string) =>
      `auto\n/usr/bin/editor\nmanual\n${link}\n\n/bin/ed\n1\n\n/bin/nano\n0\n/doc/nano\n\n`;
    const of = (text: string, name: string) =>
      treeWithLinks(
        { [GROUP]: text, '/bin/ed': '' },
        { '/doc/own': name, '/doc/ours': '/etc/alternatives/manual' },
      );
    for (const [link, gone] of [
      ['/doc/own', []],
      ['/doc/ours', ['/doc/ours']],
    ] as const) {
      const x = of(manual(link), '/elsewhere');
      const result = await merge(alternatives, treeOf({}), {
        x,
        y: of(manual(link).replace('1', '2'), '/elsewhere'),
      });
      expect(removedBy(result)).toEqual(gone);
    }
  });

  it.each([
    ['no mode', 'sometimes\n/usr/bin/editor\n\n\n', '"sometimes" is no mode'],
    ['a link that is not absolute', 'auto\neditor\n\n\n', '"editor" is no absolute path'],
    ['a slave that is no name', 'auto\n/usr/bin/editor\n../x\n/usr/x\n\n', '"../x" is no name of a link'],
    ['a priority that is no number', group({ '/bin/ed': Number.NaN }), '"NaN" is no priority'],
    ['nothing after the link', 'auto\n/usr/bin/editor', 'it ends before the choices'],
    ['more than it should', `${group({ '/bin/ed': 1 })}more\n`, 'something follows its end'],
  ])('are not merged when a file has %s', async (_, text, reason) => {
    const last = editors(group({ '/bin/ed': 1 }), '/bin/ed');
    const result = await merge(alternatives, treeOf({}), { x: editors(text, '/bin/ed'), y: last });
    expect(contentOf(result, GROUP)?.toString()).toBe(group({ '/bin/ed': 1 }));
    expect(result.conflicts).toEqual([
      { kind: 'merge', path: GROUP, parts: ['x', 'y'], text: `cannot be merged: ${reason}` },
    ]);
  });

  it('leave links of groups that nobody changed to the rules', async () => {
    const link = (to: string) => treeWithLinks({}, { '/etc/alternatives/editor': to });
    const result = await merge(alternatives, link('/bin/ed'), { x: link('/bin/vi'), y: link('/bin/nano') });
    expect(result).toMatchObject({ files: [], conflicts: [], declined: ['/etc/alternatives/editor'] });
  });

  const choice = fc.integer({ min: 1, max: 6 });
  /** With manual pages that some choices have and others have not. */
  const install = (n: number) => [
    ...['--install', '/usr/bin/tool', 'tool', `/opt/tool-${n}`, String(n * 10)],
    ...(n % 2 === 0 ? ['--slave', '/usr/share/tool.1', 'tool.1', `/opt/page-${n}`] : []),
    ...(n % 3 === 0 ? ['--slave', '/usr/share/tool.de.1', 'tool.de.1', `/opt/page-${n}`] : []),
  ];
  const changes = fc.record({
    installed: fc.uniqueArray(choice, { maxLength: 3 }),
    removed: fc.uniqueArray(choice, { maxLength: 2 }),
    chosen: fc.boolean(),
  });

  it.skipIf(!has('update-alternatives'))(
    'are as update-alternatives leaves them after the changes of all',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'ashlar-alternatives-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const nobody = join(directory, 'nobody');
      for (const name of ['etc/alternatives', ADMIN, 'opt', 'usr/bin', 'usr/share', 'var/log'])
        mkdirSync(join(nobody, name), { recursive: true });
      for (const n of [1, 2, 3, 4, 5, 6])
        for (const kind of ['tool', 'page']) writeFileSync(join(nobody, `opt/${kind}-${n}`), '');
      let made = 0;
      const changed = (from: string, calls: readonly (readonly string[])[]) => {
        made += 1;
        const root = join(directory, String(made));
        cpSync(from, root, { recursive: true, verbatimSymlinks: true });
        for (const call of calls)
          execFileSync('update-alternatives', ['--quiet', '--root', root, ...call], { stdio: 'pipe' });
        return root;
      };
      const property = fc.asyncProperty(
        fc.uniqueArray(choice, { minLength: 1, maxLength: 3 }),
        fc.tuple(changes, changes),
        async (before, [one, other]) => {
          // Both must leave something, and none takes away what the other one adds.
          const gone = [...one.removed, ...other.removed].filter(n => before.includes(n));
          fc.pre(before.some(n => !gone.includes(n)));
          fc.pre(!(one.chosen && other.chosen));
          const calls = ({ installed, removed, chosen }: typeof one) => {
            const added = installed.filter(n => !gone.includes(n));
            return [
              ...added.map(install),
              ...removed.filter(n => before.includes(n)).map(n => ['--remove', 'tool', `/opt/tool-${n}`]),
              ...(chosen && added[0] !== undefined ? [['--set', 'tool', `/opt/tool-${added[0]}`]] : []),
            ];
          };
          const base = changed(nobody, before.map(install));
          const [x, y] = [changed(base, calls(one)), changed(base, calls(other))];
          const expected = changed(base, [...calls(one), ...calls(other)]);
          const result = await merge(alternatives, treeAt(base), { x: treeAt(x), y: treeAt(y) });
          expect(result.conflicts).toEqual([]);
          const stacked = stackedAt(base, [x, y], join(directory, `${made}-stacked`));
          for (const path of removedBy(result)) unlinkSync(join(stacked, path));
          for (const file of result.files) {
            if (file.kind === 'removed') continue;
            const at = join(stacked, file.path);
            rmSync(at, { force: true });
            if (file.entry.type === 'symlink') symlinkSync(file.entry.link, at);
            else writeFileSync(at, file.content);
          }
          expect(stateAt(stacked)).toEqual(stateAt(expected));
        },
      );
      await fc.assert(property, { numRuns: 12 });
    },
  );
});

const LINK_DIRECTORIES = ['/etc/alternatives', '/usr/bin', '/usr/share'];

function linksAt(root: string): Readonly<Record<string, string>> {
  const paths = LINK_DIRECTORIES.flatMap(name =>
    readdirSync(join(root, name)).map(each => `${name}/${each}`),
  );
  return Object.fromEntries(paths.map(path => [path, readlinkSync(join(root, path))]));
}

function treeAt(root: string): TestTree {
  return treeWithLinks(filesAt(root, ADMIN, '/opt'), linksAt(root));
}

function stateAt(root: string): object {
  const files = Object.entries(filesAt(root, ADMIN)).map(([path, text]) => [path, text.toString()]);
  return { links: linksAt(root), files: Object.fromEntries(files) };
}

/** What layers give: the base, and on top of it what each part changed, the last one above. */
function stackedAt(base: string, parts: readonly string[], target: string): string {
  const paths = (root: string) => [...Object.keys(linksAt(root)), ...Object.keys(filesAt(root, ADMIN))];
  const state = (root: string, path: string) => {
    const { [path]: link } = linksAt(root);
    return link ?? filesAt(root, dirname(path))[path]?.toString();
  };
  cpSync(base, target, { recursive: true, verbatimSymlinks: true });
  for (const part of parts) {
    for (const path of new Set([...paths(base), ...paths(part)])) {
      if (state(part, path) === state(base, path)) continue;
      rmSync(join(target, path), { force: true });
      const { [path]: link } = linksAt(part);
      const { [path]: text } = filesAt(part, dirname(path));
      if (link !== undefined) symlinkSync(link, join(target, path));
      else if (text !== undefined) writeFileSync(join(target, path), text);
    }
  }
  return target;
}
