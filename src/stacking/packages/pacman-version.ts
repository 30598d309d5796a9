/**
 * Versions of pacman's packages: vercmp(8). As rpm's once were: no marks, a word at the end is before the end (1.0rc
 * before 1.0), and how many separators there are counts, too.
 */
import { compareNumerals, compareText } from './numerals.ts';
import { splitEvr } from './rpm-version.ts';

/** Of `[epoch:]version[-release]`: negative where `a` is the older one, positive where it is the newer one. */
export function comparePacmanVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [one, other] = [splitEvr(a), splitEvr(b)];
  const order = compareLabels(one.epoch, other.epoch) || compareLabels(one.version, other.version);
  if (order !== 0 || one.release === undefined || other.release === undefined) return order;
  return compareLabels(one.release, other.release);
}

const PIECE = /([^A-Za-z0-9]*)(\d+|[A-Za-z]+|)/y;

interface Piece {
  readonly separator: number;
  readonly text: string;
  readonly end: number;
}

function pieceAt(label: string, at: number): Piece {
  PIECE.lastIndex = at;
  const [, separator = '', text = ''] = PIECE.exec(label) ?? [];
  return { separator: separator.length, text, end: at + separator.length + text.length };
}

function compareLabels(a: string, b: string): number {
  for (let i = 0, j = 0; ; ) {
    if (i === a.length || j === b.length) return compareRests(a.slice(i), b.slice(j));
    const [one, other] = [pieceAt(a, i), pieceAt(b, j)];
    if (one.text === '' || other.text === '') return compareRests(one.text, other.text);
    const order = one.separator - other.separator || comparePieces(one.text, other.text);
    if (order !== 0) return order;
    i = one.end;
    j = other.end;
  }
}

/** A number is later than a word. */
function comparePieces(a: string, b: string): number {
  const numbers = [a, b].map(text => /^\d/.test(text));
  if (numbers[0] !== numbers[1]) return numbers[0] ? 1 : -1;
  return numbers[0] ? compareNumerals(a, b) : compareText(a, b);
}

/** What is left where one of them has ended: a word stands for an earlier version, anything else for a later one. */
function compareRests(a: string, b: string): number {
  if (a === '' && b === '') return 0;
  if (a === '') return /^[A-Za-z]/.test(b) ? 1 : -1;
  return /^[A-Za-z]/.test(a) ? -1 : 1;
}
