/** Values of a descriptor as words of a Dockerfile. */
import { readJsonForm } from '../../dockerfile/index.ts';
import type { Located } from '../model.ts';
import { quotedWord, unquotedWord } from '../values.ts';

export interface Words {
  /** Of ENV, LABEL and ARG. */
  readonly quoted: (value: string) => string;
  /** Of COPY, WORKDIR and USER. */
  readonly plain: (value: string) => string;
  /** Whether strings of lists mean themselves, too. */
  readonly literal: boolean;
}

/** Values mean what a Dockerfile makes of them. */
export const dockerfileWords: Words = {
  quoted: quotedWord,
  plain: value => ended(unquotedWord(value)),
  literal: false,
};

/** Values mean themselves. */
export const literalWords: Words = {
  quoted: value => `"${value.replaceAll(/["\\$]/g, '\\$&')}"`,
  plain: value => ended(value.replaceAll(/["'\\$]/g, '\\$&')),
  literal: true,
};

/** A backslash at its end would make a line go on, but not one with an empty string behind it. */
const ended = (word: string): string => (/\\\s*$/.test(word) ? `${word}""` : word);

/** The words of ENTRYPOINT and CMD, as CEKit puts them together where that is a list, else each as it is. */
export function commandList(words: readonly Located[], { literal }: Words): string {
  const text = `[${words.map(({ text }) => `"${text}"`).join(', ')}]`;
  return !literal && readJsonForm(text) !== undefined ? text : jsonList(words.map(({ text }) => text));
}

/** The list of a VOLUME, put together in the same way, but with variables in it. */
export function volumeList({ text }: Located, { plain, literal }: Words): string {
  const written = `["${text}"]`;
  const list = literal ? undefined : readJsonForm(written);
  const path = list?.length === 1 ? list.join('') : text;
  const word = plain(path);
  return list?.length === 1 && word === path ? written : jsonList([word]);
}

/** The rest of a COPY; sources and destination are words already. */
export function copyWords(sources: readonly string[], dest: string): readonly string[] {
  const all = [...sources, dest];
  if (!all.some(word => /\s|^\[/.test(word))) return all;
  const strings = all.map((word, i) => `${i === 0 ? '[' : ''}${JSON.stringify(word)}`);
  return strings.map((string, i) => (i === all.length - 1 ? `${string}]` : `${string},`));
}

const special = /["'\\$[\]*?]/g;

/** Whether a source of this name has to be looked for by a pattern. */
export const needsPattern = (path: string): boolean => path.search(special) !== -1;

/** A source of COPY: where its name needs a pattern, all builders take a question mark for any character. */
export const sourceWord = (path: string): string => path.replaceAll(special, '?');

export const jsonList = (words: readonly string[]): string =>
  `[${words.map(word => JSON.stringify(word)).join(', ')}]`;
