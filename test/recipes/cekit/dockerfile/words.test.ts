import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandList,
  copyWords,
  dockerfileWords,
  literalWords,
  sourceWord,
  volumeList,
} from '../../../../src/recipes/cekit/dockerfile/words.ts';
import { dockerfileValues, literalValues } from '../../../../src/recipes/cekit/values.ts';
import { readJsonForm, readWord } from '../../../../src/recipes/dockerfile/index.ts';
import { at, located } from '../stage.ts';

/** What a Dockerfile makes of a word. */
const read = (word: string) => readWord(word, { escapeChar: '\\', at }).join('');

const wild = fc.string({ unit: fc.constantFrom('"', "'", '$', '\\', '{', '}', ' ', '[', ',', '*', 'A') });

describe('values as words of a Dockerfile', () => {
  it('mean themselves where that is asked for', () => {
    fc.assert(
      fc.property(wild, value => {
        expect(read(literalWords.quoted(value))).toBe(value);
        expect(read(literalWords.plain(value))).toBe(value);
        expect(readJsonForm(volumeList(located(value), literalWords))?.map(read)).toEqual([value]);
        expect(readJsonForm(commandList([located(value)], literalWords))).toEqual([value]);
      }),
    );
  });

  it('make commands that are run as a plan runs them', () => {
    fc.assert(
      fc.property(fc.array(wild), values => {
        const words = values.map(located);
        for (const [print, meaning] of [
          [dockerfileWords, dockerfileValues],
          [literalWords, literalValues],
        ] as const) {
          expect(readJsonForm(commandList(words, print))).toEqual(meaning.command(words));
        }
      }),
    );
  });

  it('make volumes that are where a plan has them', () => {
    const text = wild.filter(text => !text.includes('$'));
    fc.assert(
      fc.property(text, value => {
        const list = readJsonForm(volumeList(located(value), dockerfileWords));
        expect(list?.map(read)).toEqual([dockerfileValues.listed(located(value))]);
      }),
    );
  });

  it('make sources of COPY that are patterns of these names', () => {
    const matches = (pattern: string, name: string) =>
      pattern.length === name.length &&
      [...pattern].every((char, i) => char === '?' || char === name.charAt(i));
    fc.assert(
      fc.property(fc.array(wild, { minLength: 1 }), names => {
        const text = copyWords(names.map(sourceWord), '/dest/').join(' ');
        const words = readJsonForm(text) ?? text.split(' ');
        expect(words.map(read).map((word, i) => matches(word, [...names, '/dest/'][i] ?? ''))).not.toContain(
          false,
        );
        expect(words).toHaveLength(names.length + 1);
      }),
    );
  });
});
