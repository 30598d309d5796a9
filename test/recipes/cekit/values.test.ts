import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandText } from '../../../src/engine/text.ts';
import type { Located } from '../../../src/recipes/cekit/model.ts';
import { dockerfileValues, literalValues } from '../../../src/recipes/cekit/values.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { buildArguments, dockerfileCases, otherCases, variables } from './value-cases.ts';

const at = { file: '/image.yaml', line: 7, column: 12 };
const located = (text: string): Located => ({ text, at });
const known = new Map(Object.entries({ ...buildArguments, ...variables }));

const { quoted, word, listed, command } = dockerfileValues;

describe('a value between double quotes', () => {
  it.each([...dockerfileCases, ...otherCases])('%j becomes %j', (value, result) => {
    expect(expandText(quoted(located(value)), known)).toBe(result);
  });

  it.each(['${A', '${}', '${A!x}', '${NONE:?is needed}', '${A#x}', '"${A'])('%s is refused', value => {
    expect(() => quoted(located(value))).toThrow(AshlarError);
    expect(() => quoted(located(value))).toThrow(expect.objectContaining({ at }));
  });

  it('is refused where variables stand too deep in each other', () => {
    const deep = `${'${A:-'.repeat(1000)}${'}'.repeat(1000)}`;
    expect(() => quoted(located(deep))).toThrow('variables stand too deep in defaults of variables');
  });

  it('is itself where it has no quotes, dollar signs and backslashes', () => {
    const harmless = fc.string({ unit: 'grapheme' }).filter(text => !/["$\\]/.test(text));
    fc.assert(fc.property(harmless, text => void expect(quoted(located(text))).toBe(text)));
  });

  it('is what was meant where all of these are escaped', () => {
    const text = fc.string({ unit: fc.constantFrom('"', "'", '$', '\\', '{', '}', ' ', '\n', 'a') });
    fc.assert(
      fc.property(text, text => {
        const escaped = text.replaceAll(/["$\\]/g, '\\$&');
        // An escaped backslash at the end of a line is no line that goes on.
        expect(quoted(located(escaped))).toBe(text);
      }),
    );
  });

  it('becomes a text or an error of ours, whatever it is', () => {
    const wild = fc.string({
      unit: fc.constantFrom('"', "'", '$', '\\', '{', '}', ':', '-', '+', ' ', '\n', 'A'),
    });
    fc.assert(
      fc.property(wild, text => {
        for (const read of [quoted, word, listed]) {
          try {
            expandText(read(located(text)), known);
          } catch (error) {
            expect(error).toBeInstanceOf(AshlarError);
          }
        }
      }),
    );
  });
});

describe('a word', () => {
  it.each([
    ['/opt/$A/', '/opt/one/'],
    ['/a b', '/a b'],
    ['"/a b"', '/a b'],
    ["'/$A'", '/$A'],
    ["/it's", "/it's"],
    ['/a"b', '/a"b'],
    ['/\\$A', '/$A'],
    ['/\\d', '/d'],
    ['185:0', '185:0'],
    ['${NONE:-root}', 'root'],
  ])('%s becomes %s', (value, result) => {
    expect(expandText(word(located(value)), known)).toBe(result);
  });
});

describe('a string of a list with variables', () => {
  it.each([
    ['/a b', '/a b'],
    ['/x$A', '/xone'],
    ['/a\\tb', '/a\tb'],
    ['/a"b', '/a"b'],
    ["/it's", "/it's"],
  ])('%s becomes %j', (value, result) => {
    expect(expandText(listed(located(value)), known)).toBe(result);
  });
});

describe('a command', () => {
  it.each([
    [
      ['a', 'b c'],
      ['a', 'b c'],
    ],
    [[], []],
    [
      ['--x=$HOME', 'a\\nb'],
      ['--x=$HOME', 'a\nb'],
    ],
    // What is no JSON is taken as it is, and all of it.
    [
      ['say "hi"', 'a\\nb'],
      ['say "hi"', 'a\\nb'],
    ],
    [['C:\\dir'], ['C:\\dir']],
    [['two\nlines'], ['two\nlines']],
  ])('%j becomes %j', (items, result) => {
    expect(command(items.map(located))).toEqual(result);
  });
});

it('values mean themselves where they are to be literal', () => {
  const value = located('$A "b" \\n');
  const { quoted, word, listed, command } = literalValues;
  expect([quoted(value), word(value), listed(value), ...command([value])]).toEqual(Array(4).fill(value.text));
});
