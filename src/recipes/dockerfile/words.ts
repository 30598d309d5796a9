/** How Dockerfiles read words: quotes, the escape character, variables and their modifiers. */
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { type Argument, concat, isLiteral, literal, plain, type Text } from './text.ts';

export interface Scope {
  /** The value of a variable; undefined when it has none. */
  readonly lookUp: (name: string) => Text | undefined;
  readonly escapeChar: string;
  /** Called with the arguments whose default had to be used in place of a value that is known later. */
  readonly fixed: (used: readonly Argument[]) => void;
  readonly at: SourceSpan;
}

/** What a value is to be put in for: `$name`, or `${name<modifier><rest>}`. */
export interface Substitution {
  readonly name: string;
  /** `` where there is none; else what stands between name and rest: `:-`, `+`, `##` and so on. */
  readonly modifier: string;
  readonly rest: string;
}

/** The word without its quotes, and with values for variables. */
export function expandWord(word: string, scope: Scope): Text {
  return expand(readWord(word, scope), scope);
}

/** The text of a heredoc with values for variables; quotes have no meaning in it. */
export function expandHeredoc(content: string, scope: Scope): Text {
  return expand(readPieces(content, scope, false), scope);
}

function expand(pieces: readonly (string | Substitution)[], scope: Scope): Text {
  return concat(...pieces.map(piece => (typeof piece === 'string' ? literal(piece) : modify(piece, scope))));
}

type Reading = Pick<Scope, 'escapeChar' | 'at'>;

/** The word without its quotes, and what is to be substituted in it. */
export function readWord(word: string, reading: Reading): (string | Substitution)[] {
  return readPieces(word, reading, true);
}

function readPieces(word: string, reading: Reading, quotes: boolean): (string | Substitution)[] {
  const { escapeChar, at } = reading;
  const pieces: (string | Substitution)[] = [];
  let doubleQuoted = false;
  for (let i = 0; i < word.length; ) {
    const char = word.charAt(i);
    if (char === escapeChar && i + 1 < word.length) {
      const next = word.charAt(i + 1);
      const special =
        quotes && !doubleQuoted ? true : next === '$' || next === escapeChar || (quotes && next === '"');
      pieces.push(special ? next : char + next);
      i += 2;
    } else if (quotes && char === "'" && !doubleQuoted) {
      const end = word.indexOf("'", i + 1);
      if (end < 0) throw new AshlarError(`unterminated ' in ${word}`, { at });
      pieces.push(word.slice(i + 1, end));
      i = end + 1;
    } else if (quotes && char === '"') {
      doubleQuoted = !doubleQuoted;
      i += 1;
    } else if (char === '$') {
      const { piece, end } = readVariable(word, i, reading);
      pieces.push(piece);
      i = end;
    } else {
      pieces.push(char);
      i += 1;
    }
  }
  if (doubleQuoted) throw new AshlarError(`unterminated " in ${word}`, { at });
  return pieces;
}

function readVariable(
  word: string,
  start: number,
  reading: Reading,
): { piece: string | Substitution; end: number } {
  const simple = /^\$(\w+)/.exec(word.slice(start));
  if (simple) {
    // A digit alone is a name, as in the shell: $10 is $1 and 0.
    const name = (/^\d/.test(simple[1] ?? '') ? simple[1]?.slice(0, 1) : simple[1]) ?? '';
    return { piece: { name, modifier: '', rest: '' }, end: start + 1 + name.length };
  }
  if (word.charAt(start + 1) !== '{') return { piece: '$', end: start + 1 };
  const end = closingBrace(word, start + 2, reading);
  const [, name, modifier = '', rest = ''] =
    /^(\w+)(?:(:?[-+?]|##?|%%?|\/\/?)([\s\S]*))?$/.exec(word.slice(start + 2, end)) ?? [];
  if (name === undefined) {
    throw new AshlarError(`bad substitution ${word.slice(start, end + 1)}`, { at: reading.at });
  }
  return { piece: { name, modifier, rest }, end: end + 1 };
}

function closingBrace(word: string, from: number, { escapeChar, at }: Reading): number {
  let depth = 1;
  for (let i = from; i < word.length; i++) {
    if (word.charAt(i) === escapeChar) i += 1;
    else if (word.startsWith('${', i)) depth += 1;
    else if (word.charAt(i) === '}') depth -= 1;
    if (depth === 0) return i;
  }
  throw new AshlarError(`unterminated \${ in ${word}`, { at });
}

function modify({ name, modifier, rest }: Substitution, scope: Scope): Text {
  const value = scope.lookUp(name);
  if (modifier === '') return value ?? [];
  const present = value !== undefined && !(modifier.startsWith(':') && plain(value) === '');
  switch (modifier.replace(':', '')) {
    case '-':
      return present ? value : expandWord(rest, scope);
    case '+':
      return present ? expandWord(rest, scope) : [];
    case '?':
      if (present) return value;
      throw new AshlarError(`${name}: ${plain(expandWord(rest, scope)) || 'is not allowed to be unset'}`, {
        at: scope.at,
      });
    default: {
      const text = plain(value ?? []);
      if (value && !isLiteral(value)) scope.fixed(value.filter(piece => typeof piece !== 'string'));
      return literal(cut(text, modifier, rest, scope));
    }
  }
}

/** `#`, `##`, `%`, `%%`, `/` and `//` on a text. */
function cut(text: string, modifier: string, rest: string, scope: Scope): string {
  const greedy = modifier.length === 2;
  if (modifier.startsWith('/')) {
    const [, pattern = '', replacement = ''] = /^((?:\\.|[^/\\])*)(?:\/([\s\S]*))?$/.exec(rest) ?? [];
    const matcher = new RegExp(globSource(plain(expandWord(pattern, scope)), true), greedy ? 'gu' : 'u');
    const by = plain(expandWord(replacement, scope));
    return pattern === '' ? text : text.replace(matcher, () => by);
  }
  const glob = globSource(plain(expandWord(rest, scope)), greedy);
  if (modifier.startsWith('#')) return text.replace(new RegExp(`^${glob}`, 'u'), '');
  // The shortest end is what a greedy beginning leaves.
  const match = new RegExp(`^(${greedy ? '[\\s\\S]*?' : '[\\s\\S]*'})${glob}$`, 'u').exec(text);
  return match?.[1] ?? text;
}

function globSource(pattern: string, greedy: boolean): string {
  return pattern.replace(/[*?]|[^\w]/gu, char => {
    if (char === '*') return greedy ? '[\\s\\S]*' : '[\\s\\S]*?';
    return char === '?' ? '[\\s\\S]' : `\\u{${char.codePointAt(0)?.toString(16)}}`;
  });
}

/** The words of a text, split at white space outside of quotes; the quotes stay. */
export function splitWords(text: string, escapeChar: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += char;
    if (char === escapeChar && quote !== "'") {
      i += 1;
      word += text.charAt(i);
    } else if (quote === '') quote = /["']/.test(char) ? char : '';
    else if (char === quote) quote = '';
  }
  if (word !== '') words.push(word);
  return words;
}

/** The strings of the JSON form, or undefined when the text is not in it. */
export function readJsonForm(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined;
  } catch {
    // Then it is a command for the shell, in which [ is a program.
    return undefined;
  }
}

/** The pairs of ENV and LABEL: `name=value …`, or the older `name value` up to the end of the line. */
export function readPairs(
  text: string,
  scope: Scope,
  keyword: string,
): (readonly [name: Text, value: Text])[] {
  const words = splitWords(text, scope.escapeChar);
  const [first = ''] = words;
  if (!first.includes('=')) {
    const rest = text.slice(first.length).trim();
    if (rest === '') throw new AshlarError(`${keyword} must have two arguments`, { at: scope.at });
    return [[expandWord(first, scope), expandWord(rest, scope)]];
  }
  return words.map(word => {
    const equals = word.indexOf('=');
    if (equals < 1) {
      throw new AshlarError(`Syntax error - can't find = in "${word}". Must be of the form: name=value`, {
        at: scope.at,
      });
    }
    return [expandWord(word.slice(0, equals), scope), expandWord(word.slice(equals + 1), scope)];
  });
}
