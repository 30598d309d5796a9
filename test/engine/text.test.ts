import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandText } from '../../src/engine/text.ts';
import { nameOfText } from '../../src/plan/names.ts';
import type { Text, Variable } from '../../src/plan/types.ts';

const variables = new Map([
  ['SET', 'value'],
  ['EMPTY', ''],
]);

/** What POSIX 2.6.2 says of the forms, for a variable that is set, empty, and not set. */
const forms: readonly (readonly [form: string, rest: Partial<Variable>, results: readonly string[]])[] = [
  ['${X}', {}, ['value', '', '']],
  ['${X:-word}', { otherwise: { text: 'word', alsoEmpty: true } }, ['value', 'word', 'word']],
  ['${X-word}', { otherwise: { text: 'word', alsoEmpty: false } }, ['value', '', 'word']],
  ['${X:+word}', { instead: { text: 'word', alsoEmpty: true } }, ['word', '', '']],
  ['${X+word}', { instead: { text: 'word', alsoEmpty: false } }, ['word', 'word', '']],
];

describe('expandText', () => {
  it.each(forms)('reads %s as shells do', (form, rest, results) => {
    const names = ['SET', 'EMPTY', 'UNSET'];
    expect(names.map(variable => expandText([{ variable, ...rest }], variables))).toEqual(results);
    expect(nameOfText([{ variable: 'X', ...rest }])).toBe(form);
  });

  it('expands what stands in place of a variable, and only where it stands', () => {
    const inner: Text = ['<', { variable: 'SET' }, '>'];
    const text = (variable: string): Text => [{ variable, otherwise: { text: inner, alsoEmpty: true } }];
    expect(expandText(text('UNSET'), variables)).toBe('<value>');
    expect(expandText(text('SET'), variables)).toBe('value');
  });

  it('stops values that double themselves', () => {
    const twice: Text = [{ variable: 'X' }, { variable: 'X' }];
    const grow = () => {
      let value = 'x';
      for (let i = 0; i < 64; i++) value = expandText(twice, new Map([['X', value]]));
    };
    expect(grow).toThrow('a value with variables has more than 1048576 characters');
  });

  it('leaves everything else as it is, values included', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (before, value, after) => {
        expect(expandText(before, new Map())).toBe(before);
        expect(expandText([before, { variable: 'X' }, after], new Map([['X', value]]))).toBe(
          before + value + after,
        );
      }),
    );
  });

  it('does not depend on variables that the text does not have', () => {
    const text: Text = [{ variable: 'A', instead: { text: [{ variable: 'B' }], alsoEmpty: false } }];
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), others => {
        const known = new Map([
          ['A', ''],
          ['B', 'b'],
        ] as const);
        expect(expandText(text, new Map([...Object.entries(others), ...known]))).toBe('b');
      }),
    );
  });
});
