import { expect, it } from 'vitest';
import { mergedLines } from '../../../src/engine/images/reconcile.ts';

it('what was merged is told path by path, a few of many, whatever names they have', () => {
  const paths = Array.from({ length: 5 }, (_, i) => `/info/${i}`);
  const merged = [
    { merger: 'dpkg', paths },
    { merger: 'systemd', paths: ['/etc/\u001b[2Jx'] },
  ];
  expect(mergedLines(merged, 'a and b', 3)).toEqual([
    'merged what a and b changed (dpkg): /info/0, /info/1, /info/2 and 2 more',
    'merged what a and b changed (systemd): /etc/\\x1b[2Jx',
  ]);
  expect(mergedLines(merged, 'a and b', Number.POSITIVE_INFINITY)[0]).toBe(
    'merged what a and b changed (dpkg): /info/0, /info/1, /info/2, /info/3, /info/4',
  );
});
