import { describe, expect, it } from 'vitest';
import { plain, type Text } from '../../../src/recipes/dockerfile/text.ts';
import {
  expandHeredoc,
  expandWord,
  readJsonForm,
  readPairs,
  type Scope,
  splitWords,
} from '../../../src/recipes/dockerfile/words.ts';

const variables: Readonly<Record<string, Text>> = {
  A: ['one'],
  EMPTY: [],
  PATH: ['/usr/local/bin:/bin'],
  ARG: [{ name: 'ARG', fallback: 'v1.2' }],
};

function scopeOf(escapeChar = '\\', used: string[] = []): Scope {
  return {
    lookUp: name => variables[name],
    escapeChar,
    fixed: args => used.push(...args.map(({ name }) => name)),
    at: { file: '/Dockerfile', line: 1, column: 1 },
  };
}

describe('a word', () => {
  it.each([
    ['$A', 'one'],
    ['${A}s', 'ones'],
    ['$As', ''],
    ['a$', 'a$'],
    ['$A$EMPTY.$NONE.', 'one..'],
    ["'$A'", '$A'],
    ['"$A  b"', 'one  b'],
    ['"\\$A \\"b\\" \\a"', '$A "b" \\a'],
    ['\\$A\\ \\a', '$A a'],
    ['${A:-x}${EMPTY:-x}${EMPTY-x}${NONE-x}', 'onexx'],
    ['${A:+x}${EMPTY:+x}${EMPTY+x}${NONE+x}', 'xx'],
    ['${NONE:-${A}${NONE:-}}', 'one'],
    ['${NONE:-"a b"}', 'a b'],
    ['${PATH#*/}', 'usr/local/bin:/bin'],
    ['${PATH##*/}', 'bin'],
    ['${PATH%/*}', '/usr/local/bin:'],
    ['${PATH%%/bin*}', '/usr/local'],
    ['${PATH/bin/BIN}', '/usr/local/BIN:/bin'],
    ['${PATH//bin/BIN}', '/usr/local/BIN:/BIN'],
    ['${PATH%.none}', '/usr/local/bin:/bin'],
  ])('%s becomes %s', (word, expected) => {
    expect(plain(expandWord(word, scopeOf()))).toBe(expected);
  });

  it('keeps an argument open as long as nothing is done with its value', () => {
    const used: string[] = [];
    const scope = scopeOf('\\', used);
    expect(expandWord('a-$ARG${ARG:-x}-b', scope)).toEqual([
      'a-',
      ...(variables.ARG ?? []),
      ...(variables.ARG ?? []),
      '-b',
    ]);
    expect(used).toEqual([]);
    expect(expandWord('${ARG#v}', scope)).toEqual(['1.2']);
    expect(used).toEqual(['ARG']);
  });

  it('is escaped with what the directive says', () => {
    expect(plain(expandWord('c:\\dir`$A', scopeOf('`')))).toBe('c:\\dir$A');
  });

  it.each(['"a', "'a", '${A', '${A!x}', '${NONE:?is needed}'])('%s is refused', word => {
    expect(() => expandWord(word, scopeOf())).toThrow(/unterminated|bad substitution|NONE: is needed/);
  });

  it('keeps its quotes in a heredoc', () => {
    expect(plain(expandHeredoc('"$A" \'$A\' \\$A \\n\n', scopeOf()))).toBe('"one" \'one\' $A \\n\n');
  });
});

describe('pairs', () => {
  it.each([
    [
      'a=b c=d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a="b c" d=e\\ f "g h"=\'$A\'',
      [
        ['a', 'b c'],
        ['d', 'e f'],
        ['g h', '$A'],
      ],
    ],
    ['a=', [['a', '']]],
    ['a b  c "d"', [['a', 'b  c d']]],
  ])('%s', (text, expected) => {
    const pairs = readPairs(text, scopeOf(), 'ENV').map(pair => pair.map(plain));
    expect(pairs).toEqual(expected);
  });

  it.each(['a', 'a=b c', '=b'])('%s is refused', text => {
    expect(() => readPairs(text, scopeOf(), 'ENV')).toThrow(/ENV must have two arguments|can't find = in/);
  });
});

it('words are split outside of quotes', () => {
  expect(splitWords(' a "b c"\'d "e\' f\\ g', '\\')).toEqual(['a', '"b c"\'d "e\'', 'f\\ g']);
});

it('the JSON form is a list of strings and nothing else', () => {
  expect(readJsonForm('["a", "b c"]')).toEqual(['a', 'b c']);
  for (const text of ["['a']", '[1]', '[ -f x ]', '{"a": 1}', 'a'])
    expect(readJsonForm(text)).toBeUndefined();
});
