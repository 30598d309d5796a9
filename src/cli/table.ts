/** Results as aligned columns on standard output. What is in them comes from images, so nothing of it steers a terminal. */
import { styleText } from 'node:util';
import { cells, padded, printable } from '../support/cells.ts';

export type Style = Parameters<typeof styleText>[0];

export interface Row {
  readonly cells: readonly string[];
  /** Of the whole row; terminals only. */
  readonly style?: Style;
}

/** The rows as lines with their columns aligned, two blanks between them and `indent` blanks before each line. */
function alignedLines(rows: readonly Row[], indent: number, color: boolean): readonly string[] {
  const safe = rows.map(row => ({ ...row, cells: row.cells.map(printable) }));
  const widths: number[] = [];
  // The last cell of a row may be as wide as it likes.
  for (const row of safe)
    for (const [i, text] of row.cells.slice(0, -1).entries())
      widths[i] = Math.max(widths[i] ?? 0, cells(text));
  return safe.map(row => {
    const last = row.cells.length - 1;
    const text = row.cells.map((cell, i) => (i === last ? cell : padded(cell, widths[i] ?? 0))).join('  ');
    const line = `${' '.repeat(indent)}${text}`.trimEnd();
    return color && row.style !== undefined ? styleText(row.style, line, { validateStream: false }) : line;
  });
}

/** A title with its rows below, and an empty line; nothing where there are no rows. */
export function section(title: string, rows: readonly Row[], color: boolean): readonly string[] {
  return rows.length === 0 ? [] : [title, ...alignedLines(rows, 2, color), ''];
}

/** `1 path`, `2 paths`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function printLines(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Whether standard output is a terminal that people look at. */
export function isColorful(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR;
}
