import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitShellWords } from '../../src/support/shellwords.ts';

describe('the words of a command line', () => {
  it.each([
    ['', []],
    ['  \t\n ', []],
    ['a b  c\n', ['a', 'b', 'c']],
    [`'a b' "c d"`, ['a b', 'c d']],
    [`a'b'"c"d`, ['abcd']],
    [`'' "" a''`, ['', '', 'a']],
    ['a\\ b \\"c', ['a b', '"c']],
    [`"a\\"b\\\\c\\d\\$"`, ['a"b\\c\\d\\$']],
    [`'a\\'`, ['a\\']],
    ['$HOME `x` *.c # no', ['$HOME', '`x`', '*.c', '#', 'no']],
    ['ä 🎉', ['ä', '🎉']],
  ])('of %j are %j', (line, words) => {
    expect(splitShellWords(line)).toEqual(words);
  });

  it.each([`'a`, `a "b`, `"a\\"`])('of %j lack a closing quotation', line => {
    expect(() => splitShellWords(line)).toThrow('No closing quotation');
  });

  it('lack a character after a last backslash', () => {
    expect(() => splitShellWords('a \\')).toThrow('No escaped character');
  });

  it('come back from their quoted form', () => {
    const quote = (word: string) => `'${word.replaceAll("'", `'"'"'`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), words => {
        expect(splitShellWords(words.map(quote).join(' '))).toEqual(words);
      }),
    );
  });
});
