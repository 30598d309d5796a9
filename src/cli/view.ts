/** The picture of a running build: a line per image as far as there is room, and one for the whole. */
import { styleText } from 'node:util';
import { cells, clipped, padded, printable } from '../support/cells.ts';
import { decimalSize } from './size.ts';
import type { ImageRow, ViewState } from './view-state.ts';

export interface Picture {
  /** Columns and lines that the picture may take. */
  readonly width: number;
  readonly height: number;
  readonly color: boolean;
  /** Milliseconds of the clock of the view. */
  readonly now: number;
  readonly began: number;
  /** Counts the pictures. */
  readonly frame: number;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const LONGEST_NAME = 24;
/** Columns below which a picture tells nothing. */
const NARROWEST = 20;

type Style = Parameters<typeof styleText>[0];

/** The lines from the top to the bottom, without line ends; none when there is nothing to tell yet or no room to tell it. */
export function drawView(state: ViewState, picture: Picture): readonly string[] {
  const rows = [...state.rows.values()];
  if (rows.length === 0 || picture.width < NARROWEST) return [];
  const room = Math.max(1, picture.height - 1);
  const shown = chosen(rows, rows.length > room ? room - 1 : room);
  const left = rows.filter(row => !shown.has(row));
  const names = [...shown].map(({ image }) => cells(printable(image)));
  const nameWidth = Math.min(LONGEST_NAME, Math.max(0, ...names));
  return [
    ...rows.filter(row => shown.has(row)).map(row => drawRow(row, nameWidth, state, picture)),
    ...(left.length > 0 && room > 1 ? [styled(rest(left), 'dim', picture)] : []),
    drawTotals(state, picture),
  ];
}

/** What there is room for: failed and running images first, then those that wait, then those that were done last. */
function chosen(rows: readonly ImageRow[], room: number): ReadonlySet<ImageRow> {
  const importance = ({ state }: ImageRow) =>
    state === 'failed' ? 0 : state === 'waiting' ? 2 : state === 'done' ? 3 : 1;
  const ordered = rows.toSorted((a, b) => importance(a) - importance(b) || (b.ended ?? 0) - (a.ended ?? 0));
  return new Set(ordered.slice(0, Math.max(0, room)));
}

function drawRow(row: ImageRow, nameWidth: number, state: ViewState, picture: Picture): string {
  const name = padded(clipped(printable(row.image), nameWidth), nameWidth);
  const { mark, style } = markOf(row, picture);
  const text = `${name}  ${describe(row, state)}`;
  const time = row.state === 'waiting' ? '' : seconds((row.ended ?? picture.now) - row.began);
  // Mark and blanks between the parts take four columns.
  const width = Math.max(0, picture.width - cells(time) - 4);
  const body = padded(clipped(printable(text), width), width);
  return `${paint(mark, style, picture)} ${body}  ${paint(time, 'dim', picture)}`.trimEnd();
}

function markOf({ state }: ImageRow, { frame }: Picture): { readonly mark: string; readonly style: Style } {
  switch (state) {
    case 'waiting':
      return { mark: '·', style: 'dim' };
    case 'done':
      return { mark: '✔', style: 'green' };
    case 'failed':
      return { mark: '✘', style: 'red' };
    case 'preparing':
    case 'step':
    case 'output':
    case 'writing':
      return { mark: FRAMES[frame % FRAMES.length] ?? '', style: 'cyan' };
  }
}

function describe(row: ImageRow, { rows }: ViewState): string {
  switch (row.state) {
    case 'waiting': {
      const missing = row.needs.filter(name => !['done', 'writing'].includes(rows.get(name)?.state ?? ''));
      return missing.length > 0 ? `waits for ${missing.join(', ')}` : 'waits';
    }
    case 'preparing':
      return `preparing${arriving(row)}`;
    case 'step': {
      const packed = row.packed > 0 ? `, packing ${decimalSize(row.packed)}` : '';
      return `step ${row.step} of ${row.steps}: ${row.what}${arriving(row)}${packed}`;
    }
    case 'output':
      return `making ${row.file}`;
    case 'writing':
      return `writing${arriving(row)}`;
    case 'done':
      return row.cached
        ? 'cached'
        : `done${row.cachedSteps > 0 ? `, ${row.cachedSteps} of ${row.steps} steps cached` : ''}`;
    case 'failed':
      return row.step > 0 ? `failed in step ${row.step} of ${row.steps}` : 'failed';
  }
}

/** What it waits for to be downloaded. */
function arriving({ transfers }: ImageRow): string {
  if (transfers.size === 0) return '';
  const all = [...transfers.values()];
  const bytes = all.reduce((sum, transfer) => sum + transfer.bytes, 0);
  const size = all.every(transfer => transfer.size !== undefined)
    ? ` of ${decimalSize(all.reduce((sum, transfer) => sum + (transfer.size ?? 0), 0))}`
    : '';
  return `, fetching ${decimalSize(bytes)}${size}`;
}

function rest(left: readonly ImageRow[]): string {
  const count = (text: string, state: ImageRow['state'][]) => {
    const number = left.filter(row => state.includes(row.state)).length;
    return number > 0 ? [`${number} ${text}`] : [];
  };
  const parts = [
    ...count('running', ['preparing', 'step', 'output', 'writing', 'failed']),
    ...count('waiting', ['waiting']),
    ...count('done', ['done']),
  ];
  return `  and ${parts.join(', ')}`;
}

function drawTotals(state: ViewState, picture: Picture): string {
  const rows = [...state.rows.values()];
  const done = rows.filter(row => row.state === 'done').length;
  const parts = [
    `${done} of ${rows.length} done`,
    ...(state.cachedSteps > 0 ? [`${state.cachedSteps} of ${state.steps} steps cached`] : []),
    ...(state.downloaded > 0 ? [`${decimalSize(state.downloaded)} downloaded`] : []),
    seconds(picture.now - picture.began),
  ];
  return styled(parts.join(' · '), 'bold', picture);
}

function styled(text: string, style: Style, picture: Picture): string {
  return paint(clipped(text, picture.width), style, picture);
}

function paint(text: string, style: Style, { color }: Picture): string {
  return color && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** `9.3s`, `2m05s`, `1h02m`. */
function seconds(milliseconds: number): string {
  const whole = Math.floor(milliseconds / 1000);
  if (whole < 60) return `${(milliseconds / 1000).toFixed(1)}s`;
  const two = (number: number) => String(number).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
}
