import { describe, expect, it } from 'vitest';
import { readManual } from '../manual.ts';
import { elementTables } from './tables.ts';

describe('the manual of KIWI descriptions', () => {
  it('has all elements and attributes as the reader knows them', () => {
    const mark = '<!-- elements: what follows is what test/recipes/kiwi/tables.ts says -->\n\n';
    const [, tables] = readManual('kiwi-elements.md').split(mark);
    expect(tables).toBe(elementTables());
  });
});
