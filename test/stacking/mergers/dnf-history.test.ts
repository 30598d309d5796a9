import { expect, it } from 'vitest';
import { dnfHistory } from '../../../src/stacking/mergers/dnf-history.ts';
import { contentOf, merge, removedBy, treeOf } from './views.ts';

it("keeps dnf's history of the last part with the log that belongs to it, and says so", async () => {
  const history = '/var/lib/dnf/history.sqlite';
  const base = treeOf({ [history]: 'base', [`${history}-wal`]: '' });
  const x = treeOf({ [history]: 'base', [`${history}-wal`]: 'log of x', '/var/lib/dnf/repos/x': 'x' });
  const y = treeOf({ [history]: 'y', '/var/lib/dnf/repos/x': 'y' });
  const result = await merge(dnfHistory, base, { x, y });
  expect(result.conflicts).toMatchObject([{ kind: 'merge', path: history, parts: ['x', 'y'] }]);
  expect(contentOf(result, history)?.toString()).toBe('y');
  expect(removedBy(result)).toEqual([`${history}-wal`]);
  expect(result.files).toHaveLength(2);
});
