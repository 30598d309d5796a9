import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { type SourceText, spanBetween } from '../../support/source-text.ts';

export interface Instruction {
  /** In capitals. */
  readonly keyword: string;
  readonly flags: readonly Flag[];
  /** What follows the flags, its lines joined. */
  readonly text: string;
  /** Where in `text` a line ended. */
  readonly breaks: readonly number[];
  readonly heredocs: readonly Heredoc[];
  /** The keyword. */
  readonly at: SourceSpan;
}

/** `--name=value`; the value of `--name` alone is `true`. */
export interface Flag {
  readonly name: string;
  readonly value: string;
  readonly at: SourceSpan;
}

export interface Heredoc {
  /** The word as it stands there, such as `<<-"EOF"`. */
  readonly word: string;
  readonly name: string;
  /** Without the closing line, and without the tabs that the word says are not meant. */
  readonly content: string;
  /** Whether variables count in it. */
  readonly expands: boolean;
  /** Its lines as they stand there, the closing one included. */
  readonly lines: string;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  /** The character that joins lines and takes the meaning of others: a backslash or a backtick. */
  readonly escapeChar: string;
}

interface Line {
  /** Offset in the file. */
  readonly start: number;
  readonly text: string;
}

/** The instructions of a Dockerfile, by the rules of its reference. Throws AshlarError with the place. */
export function readInstructions(source: SourceText): Dockerfile {
  const lines = linesOf(source.text);
  const escapeChar = escapeDirective(lines);
  const escaped = escapeChar === '\\' ? '\\\\' : escapeChar;
  const continued = new RegExp(`(?<!${escaped})${escaped}[ \\t]*$`);
  const instructions: Instruction[] = [];
  let next = 0;
  /** Comments and empty lines between the lines of an instruction do not end it. */
  const nextLine = (): Line | undefined => {
    while (isIdle(lines[next])) next += 1;
    return lines[next++];
  };
  for (let line = nextLine(); line !== undefined; line = nextLine()) {
    const parts: Line[] = [];
    for (let part: Line | undefined = line; part !== undefined; ) {
      const more = continued.test(part.text);
      parts.push(more ? { ...part, text: part.text.replace(continued, '') } : part);
      part = more ? nextLine() : undefined;
    }
    const heredocs = heredocWords(parts.map(({ text }) => text).join('')).map(word => {
      const end = endOfHeredoc(
        word,
        lines,
        next,
        spanBetween(source, line.start, line.start + line.text.length),
      );
      const heredoc = toHeredoc(word, lines.slice(next, end + 1));
      next = end + 1;
      return heredoc;
    });
    instructions.push(toInstruction(parts, heredocs, source));
  }
  return { instructions, escapeChar };
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = text.startsWith('\ufeff') ? 1 : 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    lines.push({ start, text: text.slice(start, end).replace(/\r$/, '') });
    start = end + 1;
  }
  return lines;
}

const isIdle = (line: Line | undefined): boolean => line !== undefined && /^\s*(#|$)/.test(line.text);

/** Directives stand before everything else, comments and empty lines included. */
function escapeDirective(lines: readonly Line[]): string {
  for (const { text } of lines) {
    const directive = /^\s*#\s*([A-Za-z][\w-]*)\s*=\s*(.+?)\s*$/.exec(text);
    if (!directive) break;
    if (directive[1]?.toLowerCase() === 'escape') return directive[2] === '`' ? '`' : '\\';
  }
  return '\\';
}

/** The words of RUN, COPY and ADD that begin a heredoc; words in quotes do not. */
function heredocWords(line: string): string[] {
  if (!/^\s*(ONBUILD\s+)?(RUN|COPY|ADD)\s/i.test(line)) return [];
  const words = line.match(/(?:"(?:\\.|[^"\\])*"?|'[^']*'?|\\.|[^\s"'\\])+/g) ?? [];
  return words.filter(word => heredocWord.test(word));
}

const heredocWord = /^\d*<<(-?)(?:"([^"<]+)"|'([^'<]+)'|([^\s"'<]+))$/;

function heredocName(word: string): string {
  const [, , ...names] = heredocWord.exec(word) ?? [];
  return names.find(name => name !== undefined) ?? '';
}

const withoutTabs = (text: string): string => text.replace(/^\t+/, '');

/** The number of the line that closes the heredoc. */
function endOfHeredoc(word: string, lines: readonly Line[], from: number, at: SourceSpan): number {
  const name = heredocName(word);
  const tabs = word.includes('<<-');
  const end = lines.findIndex(({ text }, i) => i >= from && (tabs ? withoutTabs(text) : text) === name);
  if (end >= 0) return end;
  throw new AshlarError(`unterminated heredoc ${name}`, {
    at,
    hint: `it ends with a line that is only ${name}`,
  });
}

function toHeredoc(word: string, lines: readonly Line[]): Heredoc {
  const body = lines.slice(0, -1).map(({ text }) => (word.includes('<<-') ? withoutTabs(text) : text));
  return {
    word,
    name: heredocName(word),
    content: body.map(text => `${text}\n`).join(''),
    expands: !/["']/.test(word),
    lines: lines.map(({ text }) => text).join('\n'),
  };
}

function toInstruction(
  parts: readonly Line[],
  heredocs: readonly Heredoc[],
  source: SourceText,
): Instruction {
  const line = parts.map(({ text }) => text).join('');
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((length, { text }) => length + text.length, 0));
  const place = (from: number, to: number): SourceSpan => {
    const i = starts.findLastIndex(start => start <= from);
    const offset = (parts[i]?.start ?? 0) - (starts[i] ?? 0);
    return spanBetween(source, from + offset, to + offset);
  };
  const [head = '', indent = '', keyword = ''] = /^(\s*)(\S+)\s*/.exec(line) ?? [];
  const flags: Flag[] = [];
  let begin = head.length;
  while (takesFlags.has(keyword.toUpperCase())) {
    const flag = /^--([A-Za-z][\w-]*)(?:=((?:"[^"]*"|'[^']*'|\S)*))?(?:\s+|$)/.exec(line.slice(begin));
    if (flag === null) break;
    const [whole, name = '', value = 'true'] = flag;
    flags.push({ name, value, at: place(begin, begin + whole.trimEnd().length) });
    begin += whole.length;
  }
  const text = line.slice(begin).trimEnd();
  return {
    keyword: keyword.toUpperCase(),
    flags,
    text,
    breaks: starts.map(start => start - begin).filter(start => start > 0 && start < text.length),
    heredocs,
    at: place(indent.length, indent.length + keyword.length),
  };
}

const takesFlags = new Set(['FROM', 'RUN', 'COPY', 'ADD', 'HEALTHCHECK']);
