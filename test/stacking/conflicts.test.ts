import { expect, it } from 'vitest';
import { conflictLines } from '../../src/stacking/index.ts';

it('shows what could change a terminal as what it is', () => {
  const text = 'package \u001b[2Jevil: 1 in a,\n2 in b \u202e';
  expect(conflictLines([{ kind: 'package', path: '/var/\u009bdb', parts: ['a', 'b'], text }])).toEqual([
    '/var/\\x9bdb: package \\x1b[2Jevil: 1 in a,\\x0a2 in b \\u202e',
  ]);
});
