import { describe, expect, it } from 'vitest';
import { dnfHistory, dnfState } from '../../../src/stacking/mergers/dnf.ts';
import { contentOf, merge, removedBy, treeOf } from './views.ts';

describe("dnf's history", () => {
  it.each([
    ['/var/lib/dnf/history.sqlite', 1],
    ['/usr/lib/sysimage/libdnf5/transaction_history.sqlite', 0],
  ])('is the one of the last part, with the log that belongs to it (%s)', async (history, conflicts) => {
    const base = treeOf({ [history]: 'base', [`${history}-wal`]: '' });
    const x = treeOf({ [history]: 'base', [`${history}-wal`]: 'log of x' });
    const y = treeOf({ [history]: 'y' });
    const result = await merge(dnfHistory, base, { x, y });
    expect(result.conflicts).toMatchObject(
      [{ kind: 'merge', path: history, parts: ['x', 'y'] }].slice(0, conflicts),
    );
    expect(contentOf(result, history)?.toString()).toBe('y');
    expect(removedBy(result)).toEqual([`${history}-wal`]);
    expect(result.files).toHaveLength(2);
  });
});

describe("dnf's state", () => {
  const path = (name: string) => `/usr/lib/sysimage/libdnf5/${name}.toml`;

  /** What becomes of a file of these lines. */
  async function merged(name: string, base: readonly string[], x: readonly string[], y: readonly string[]) {
    const tree = (lines: readonly string[]) =>
      treeOf({ [path(name)]: lines.map(line => `${line}\n`).join('') });
    const result = await merge(dnfState, tree(base), { x: tree(x), y: tree(y) });
    return {
      lines: contentOf(result, path(name))?.toString().trimEnd().split('\n'),
      conflicts: result.conflicts.map(({ text }) => text),
    };
  }

  it('has the packages of all parts, whichever way tables are written', async () => {
    const table = (name: string, reason: string) => [`[packages."${name}.x86_64"]`, `reason = "${reason}"`];
    const line = (name: string, reason: string) => [`"${name}.x86_64" = {reason="${reason}"}`];
    for (const form of [table, line]) {
      const head = ['version = "1.0"', '[packages]'];
      expect(
        await merged(
          'packages',
          [...head, ...form('base', 'User'), ...form('gone', 'User')],
          [...head, ...form('base', 'User'), ...form('lower', 'User'), ...form('shared', 'User')],
          [...head, ...form('base', 'User'), ...form('gone', 'User'), ...form('shared', 'Dependency')],
        ),
      ).toEqual({
        lines: [...head, ...form('base', 'User'), ...form('lower', 'User'), ...form('shared', 'User')],
        conflicts: [],
      });
    }
  });

  it('has groups with lists of several lines, and tells of those that differ', async () => {
    const group = (name: string, ...packages: readonly string[]) => [
      `[groups.${name}]`,
      'packages = [',
      ...packages.map(one => `"${one}",`),
      ']',
    ];
    expect(await merged('groups', [], [...group('a', '1]'), ...group('b', '1')], group('b', '2'))).toEqual({
      lines: [...group('a', '1]'), ...group('b', '2')],
      conflicts: ['the entry [groups.b] packages differs in x and y'],
    });
  });

  it('is the one of the last part where it is not understood', async () => {
    expect(await merged('packages', [], ['a = 1'], ['what?'])).toEqual({
      lines: ['what?'],
      conflicts: [expect.stringContaining('line 1 is not understood')],
    });
    expect(await merged('packages', [], ['a = 1'], ['a = ['])).toMatchObject({
      conflicts: [expect.stringContaining('it ends within a value')],
    });
  });

  it('leaves it to dnf to find out which database of rpm it belongs to', async () => {
    expect(await merged('system', ['a = 0'], ['a = 1'], ['a = 2'])).toEqual({
      lines: undefined,
      conflicts: [],
    });
  });
});
