import { expect, it } from 'vitest';
import { Warnings } from '../../src/layers/warnings.ts';

it('warnings about entries are one line of each kind, whatever an image calls its things', () => {
  const warnings = new Warnings();
  for (const path of ['a\nb', 'c', 'd']) warnings.add('the attribute user.\u001b[2J was left out', path);
  warnings.add('a socket was left out', 's');
  expect(warnings.lines()).toEqual([
    'the attribute user.\\x1b[2J was left out: "a\\nb" and 2 more',
    'a socket was left out: "s"',
  ]);
});
