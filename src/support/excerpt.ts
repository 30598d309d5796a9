import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { styleText } from 'node:util';
import { AshlarError, messageOf, type SourceSpan } from './errors.ts';

export interface RenderOptions {
  readonly color: boolean;
}

/**
 * An error for the terminal: `error: <message>`, the line of the file it is about with a caret below, the hint, and
 * the causes that add something. Control characters in any of it are escaped, because messages and files hold text
 * from outside. Ends without a newline.
 */
export function renderError(error: AshlarError, options: RenderOptions): string {
  const lines = [`${paint(options, ['bold', 'red'], 'error:')} ${escapeText(error.message)}`];
  lines.push(...renderPlace(error.at, options), ...renderHint(error.hint, options));
  const said = [error.message];
  for (const cause of causesOf(error)) {
    const message = messageOf(cause);
    if (message === '' || said.some(earlier => earlier.includes(message))) continue;
    said.push(message);
    lines.push(`${paint(options, ['bold'], 'caused by:')} ${escapeText(message)}`);
    if (!(cause instanceof AshlarError)) continue;
    if (!samePlace(cause.at, error.at)) lines.push(...renderPlace(cause.at, options));
    lines.push(...renderHint(cause.hint, options));
  }
  return lines.join('\n');
}

/** A warning in the same form. */
export function renderWarning(message: string, at: SourceSpan | undefined, options: RenderOptions): string {
  const first = `${paint(options, ['bold', 'yellow'], 'warning:')} ${escapeText(message)}`;
  return [first, ...renderPlace(at, options)].join('\n');
}

/** `stacker.yaml:12:9`, relative to the current directory where the file is below it. */
export function showSpan(span: SourceSpan): string {
  const path = isAbsolute(span.file) ? relative(process.cwd(), span.file) : span.file;
  return `${path.startsWith('..') || path === '' ? span.file : path}:${span.line}:${span.column}`;
}

/**
 * The text with control characters, and those that change the direction or order of others, written as escapes. Line
 * breaks stay, with the next line indented so that it cannot pass for a line of ours.
 */
export function escapeText(text: string): string {
  return text.replace(/\n(?=.)/g, '\n  ').replace(unsafe, char => (char === '\n' ? char : escapeChar(char)));
}

const unsafe = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

function escapeChar(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

function* causesOf(error: AshlarError): Generator<unknown> {
  const seen = new Set<unknown>([error]);
  const pending = [error.cause];
  while (pending.length > 0) {
    const cause = pending.shift();
    if (cause === undefined || seen.has(cause)) continue;
    seen.add(cause);
    yield cause;
    if (cause instanceof AggregateError) pending.push(...cause.errors);
    if (cause instanceof Error) pending.push(cause.cause);
  }
}

function renderHint(hint: string | undefined, options: RenderOptions): string[] {
  return hint === undefined ? [] : [`${paint(options, ['bold', 'cyan'], 'hint:')} ${escapeText(hint)}`];
}

function renderPlace(span: SourceSpan | undefined, options: RenderOptions): string[] {
  if (span === undefined) return [];
  const place = `  ${paint(options, ['blue'], '-->')} ${escapeText(showSpan(span))}`;
  const line = readLine(span);
  if (line === undefined) return [place];
  const { text, offset, width } = layOut(line, span);
  const number = String(span.line);
  const bar = paint(options, ['blue'], '|');
  return [
    place,
    `  ${paint(options, ['blue'], number)} ${bar} ${text}`,
    `  ${' '.repeat(number.length)} ${bar} ${' '.repeat(offset)}${paint(options, ['bold', 'red'], '^'.repeat(width))}`,
  ];
}

/** The line as text, or undefined when the file is not there any more or is no plain file. */
function readLine(span: SourceSpan): string | undefined {
  try {
    // Reading from a pipe or terminal would wait for input.
    if (!statSync(span.file).isFile()) return undefined;
    return readFileSync(span.file, 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)[span.line - 1];
  } catch {
    return undefined;
  }
}

const maxLineWidth = 120;

/** The line as printable cells, cut around the span where it is long, with the caret's offset and width in cells. */
function layOut(line: string, span: SourceSpan): { text: string; offset: number; width: number } {
  const first = span.column - 1;
  const from = line.length > maxLineWidth ? Math.max(0, first - maxLineWidth / 2) : 0;
  const to = Math.min(line.length, from + maxLineWidth);
  const before = printable(line.slice(from, first));
  const marked = printable(line.slice(first, Math.min(to, first + (span.length ?? 1))));
  const after = printable(line.slice(Math.min(to, first + (span.length ?? 1)), to));
  const lead = from > 0 ? '…' : '';
  return {
    text: `${lead}${before}${marked}${after}${to < line.length ? '…' : ''}`,
    offset: cells(lead + before),
    width: Math.max(1, cells(marked)),
  };
}

function printable(text: string): string {
  return text.replaceAll('\t', '    ').replace(unsafe, escapeChar);
}

/** How many columns of a terminal the text takes. */
function cells(text: string): number {
  let width = 0;
  for (const char of text) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(char)) continue;
    width += wide.test(char) ? 2 : 1;
  }
  return width;
}

// East Asian wide and fullwidth characters, and emoji that are shown as pictures (Unicode TR 11, TR 51).
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

function samePlace(a: SourceSpan | undefined, b: SourceSpan | undefined): boolean {
  return a?.file === b?.file && a?.line === b?.line && a?.column === b?.column;
}

function paint({ color }: RenderOptions, style: Parameters<typeof styleText>[0], text: string): string {
  return color ? styleText(style, text, { validateStream: false }) : text;
}
