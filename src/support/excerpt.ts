import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { styleText } from 'node:util';
import { cells, printable, printableLines } from './cells.ts';
import {
  AshlarError,
  type AshlarErrorOptions,
  AshlarErrors,
  causesOf,
  messageOf,
  type SourceSpan,
} from './errors.ts';
import { withoutLogins, withoutPasswords } from './secrets.ts';

export interface RenderOptions {
  readonly color: boolean;
}

/**
 * An error for the terminal: `error: <message>`, the line of the file it is about with a caret below, the hint, and
 * the causes that add something. Control characters in any of it are escaped, because messages and files hold text
 * from outside. Of several errors each comes in this form before what sums them up. Ends without a newline.
 */
export function renderError(error: AshlarError, options: RenderOptions): string {
  const lines = error instanceof AshlarErrors ? error.errors.map(each => renderError(each, options)) : [];
  lines.push(`${paint(options, ['bold', 'red'], 'error:')} ${shown(error.message)}`);
  lines.push(...renderPlace(error.at, options), ...renderHint(error.hint, options));
  const said = [error.message];
  for (const cause of causesOf(error)) {
    const message = messageOf(cause);
    if (message === '' || said.some(earlier => earlier.includes(message))) continue;
    said.push(message);
    lines.push(`${paint(options, ['bold'], 'caused by:')} ${shown(message)}`);
    if (!(cause instanceof AshlarError)) continue;
    if (!samePlace(cause.at, error.at)) lines.push(...renderPlace(cause.at, options));
    if (cause.hint !== error.hint) lines.push(...renderHint(cause.hint, options));
  }
  return lines.join('\n');
}

/** A warning in the same form. */
export function renderWarning(
  { message, at, hint }: Pick<AshlarErrorOptions, 'at' | 'hint'> & { readonly message: string },
  options: RenderOptions,
): string {
  const first = `${paint(options, ['bold', 'yellow'], 'warning:')} ${shown(message)}`;
  return [first, ...renderPlace(at, options), ...renderHint(hint, options)].join('\n');
}

function shown(text: string): string {
  return printableLines(withoutLogins(text));
}

/** `stacker.yaml:12:9`, relative to the current directory where the file is below it. */
export function showSpan(span: SourceSpan): string {
  const path = isAbsolute(span.file) ? relative(process.cwd(), span.file) : span.file;
  return `${path.startsWith('..') || path === '' ? span.file : path}:${span.line}:${span.column}`;
}

/**
 * The place of a text that begins a line of the file, in the line of `from` or in one of the `within` lines below;
 * undefined when it is not there. What introduces a text in YAML may stand before it.
 */
export function findLine(from: SourceSpan, text: string, within: number): SourceSpan | undefined {
  // What comes with its line is no file here.
  if (from.lineText !== undefined) return undefined;
  const lines = linesOf(readText(from.file) ?? '').slice(from.line - 1, from.line + within);
  const bare = lines.map(line => line.replace(/^\s*(?:- +)?(?:[\w-]+: *)?["']?/, '').trimEnd());
  const found = [
    bare.indexOf(text),
    bare.findIndex(line => line.startsWith(text)),
    lines.findIndex(line => line.includes(text)),
  ].find(index => index >= 0);
  if (found === undefined) return undefined;
  const column = (lines[found] ?? '').lastIndexOf(text) + 1;
  return { file: from.file, line: from.line + found, column, length: text.length };
}

function renderHint(hint: string | undefined, options: RenderOptions): string[] {
  return hint === undefined ? [] : [`${paint(options, ['bold', 'cyan'], 'hint:')} ${shown(hint)}`];
}

function renderPlace(span: SourceSpan | undefined, options: RenderOptions): string[] {
  if (span === undefined) return [];
  const place = `  ${paint(options, ['blue'], '-->')} ${printableLines(showSpan(span))}`;
  const line = shownLine(span);
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

/** The line of a place, with stars for passwords, which may have begun in a line before. */
function shownLine({ file, line, lineText }: SourceSpan): string | undefined {
  if (lineText !== undefined) return withoutPasswords(lineText);
  const text = readText(file);
  return text === undefined ? undefined : linesOf(withoutPasswords(text))[line - 1];
}

/** Undefined when the file is not there any more or is no plain file. */
function readText(file: string): string | undefined {
  try {
    // Reading from a pipe or terminal would wait for input.
    if (!statSync(file).isFile()) return undefined;
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch {
    return undefined;
  }
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/);
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

function samePlace(a: SourceSpan | undefined, b: SourceSpan | undefined): boolean {
  return a?.file === b?.file && a?.line === b?.line && a?.column === b?.column;
}

function paint({ color }: RenderOptions, style: Parameters<typeof styleText>[0], text: string): string {
  return color ? styleText(style, text, { validateStream: false }) : text;
}
