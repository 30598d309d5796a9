/**
 * What Dockerfiles make of the values of a descriptor. CEKit writes `NAME="value"` without escaping anything, so quotes
 * and dollar signs in values mean what they mean in Dockerfiles. Where that would be no valid Dockerfile, the value is
 * taken with its quotes and line ends.
 */
import type { Text, Variable } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { readJsonForm, readWord, type Substitution } from '../dockerfile/index.ts';
import type { Located } from './model.ts';

export interface Values {
  /** A value that stands in double quotes: of ENV, LABEL and ARG. */
  readonly quoted: (value: Located) => Text;
  /** A word that stands for itself: of COPY, WORKDIR and USER. */
  readonly word: (value: Located) => Text;
  /** A string of a JSON list in which variables stand: of VOLUME. */
  readonly listed: (value: Located) => Text;
  /** A JSON list in which they do not: of CMD and ENTRYPOINT. */
  readonly command: (items: readonly Located[]) => readonly string[];
}

/** Values as Dockerfiles read them. */
export const dockerfileValues: Values = {
  quoted: value => read({ ...value, text: quotedWord(value.text) }),
  word: readUnquoted,
  listed: value => {
    const [text = value.text, ...more] = readJsonForm(`["${value.text}"]`) ?? [];
    return readUnquoted(more.length === 0 ? { ...value, text } : value);
  },
  command: items => readJsonForm(`[${items.map(({ text }) => `"${text}"`).join(', ')}]`) ?? textsOf(items),
};

/** Values as they are written. */
export const literalValues: Values = {
  quoted: ({ text }) => text,
  word: ({ text }) => text,
  listed: ({ text }) => text,
  command: textsOf,
};

function textsOf(items: readonly Located[]): readonly string[] {
  return items.map(({ text }) => text);
}

function readUnquoted(value: Located): Text {
  return read({ ...value, text: unquotedWord(value.text) });
}

/** The word of a Dockerfile that a value of ENV, LABEL or ARG becomes; real line ends may be in it. */
export function quotedWord(value: string): string {
  const text = joinLines(value);
  const word = `"${text}"`;
  return isOneWord(word) ? word : `"${escapeAll(text, /\\[\s\S]|["\\]/g)}"`;
}

/** The same of COPY, WORKDIR and USER. */
export function unquotedWord(value: string): string {
  const text = joinLines(value);
  return isBalanced(text) ? text : escapeAll(text, /\\[\s\S]|["'\\]/g);
}

/** A line of a Dockerfile goes on after an escape character at its end. */
function joinLines(text: string): string {
  return text.replaceAll(/(?<!\\)\\[ \t]*\n/g, '');
}

const quotes = `"(?:\\\\[\\s\\S]|[^"\\\\])*"|'[^']*'|\\\\[\\s\\S]`;
const oneWord = new RegExp(`^(?:${quotes}|[^"'\\\\\\s])*$`);
const balanced = new RegExp(`^(?:${quotes}|[^"'\\\\])*$`);

const isOneWord = (text: string): boolean => oneWord.test(text);
const isBalanced = (text: string): boolean => balanced.test(text);

/** What the pattern finds stands for itself; it also finds what is escaped already, as two characters. */
function escapeAll(text: string, pattern: RegExp): string {
  return text.replaceAll(pattern, found => (found.length === 2 ? found : `\\${found}`));
}

/** Nobody writes more of them, and each takes a piece of our stack. */
const deepest = 50;

function read({ text, at }: Located, depth = 0): Text {
  if (depth > deepest) throw new AshlarError('variables stand too deep in defaults of variables', { at });
  const pieces: (string | Variable)[] = [];
  for (const piece of readWord(text, { escapeChar: '\\', at })) {
    const last = pieces.at(-1);
    if (typeof piece !== 'string') pieces.push(substitute(piece));
    else if (typeof last === 'string') pieces[pieces.length - 1] = last + piece;
    else if (piece !== '') pieces.push(piece);
  }
  const [first = ''] = pieces;
  return pieces.length < 2 && typeof first === 'string' ? first : pieces;

  function substitute({ name, modifier, rest }: Substitution): Variable {
    if (modifier === '') return { variable: name };
    const other = { text: read({ text: rest, at }, depth + 1), alsoEmpty: modifier.startsWith(':') };
    switch (modifier.replace(':', '')) {
      case '-':
        return { variable: name, otherwise: other };
      case '+':
        return { variable: name, instead: other };
      default:
        throw new AshlarError(`Unsupported modifier (${modifier}) in substitution: ${text}`, {
          at,
          hint: 'write \\$ for a dollar sign that stands for itself',
        });
    }
  }
}
