import { describe, expect, it } from 'vitest';
import { byName } from '../../../../src/recipes/cekit/dockerfile/sorting.ts';
import { located } from '../stage.ts';

describe('the order of names', () => {
  it('takes no notice of case, leaves equals as they are, and goes by code points', () => {
    const names = ['b', 'a_', 'B', 'a', 'A', '\u{10000}', '\u{ff5e}', 'aB', 'Z', '_'];
    const sorted = byName(names.map(text => ({ name: located(text) }))).map(({ name }) => name.text);
    // What sorted(names, key=str.lower) is in Python, whose sort is stable as Jinja's is.
    expect(sorted).toEqual(['_', 'a', 'A', 'a_', 'aB', 'b', 'B', 'Z', '\u{ff5e}', '\u{10000}']);
  });
});
