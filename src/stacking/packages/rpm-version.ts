/** Versions of rpm packages: rpm-version(7), which has `~` for what comes before and `^` for what comes after. */
import { compareNumerals, compareText } from './numerals.ts';

/** Of `[epoch:]version[-release]`: negative where `a` is the older one, positive where it is the newer one. */
export function compareRpmVersions(a: string, b: string): number {
  const [one, other] = [splitEvr(a), splitEvr(b)];
  return (
    compareLabels(one.epoch, other.epoch) ||
    compareLabels(one.version, other.version) ||
    compareReleases(one.release, other.release)
  );
}

export interface Evr {
  readonly epoch: string;
  readonly version: string;
  readonly release: string | undefined;
}

/** The parts of `[epoch:]version[-release]`; the epoch is 0 where it is not said. Also pacman's form. */
export function splitEvr(text: string): Evr {
  const [, epoch, rest = ''] = /^(?:(\d*):)?(.*)$/s.exec(text) ?? [];
  const dash = rest.lastIndexOf('-');
  return {
    epoch: epoch || '0',
    version: dash < 0 ? rest : rest.slice(0, dash),
    release: dash < 0 ? undefined : rest.slice(dash + 1),
  };
}

function compareReleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return compareLabels(a, b);
}

/** What one step looks at: a mark, a number or a word; anything else only separates. */
const PIECE = /[^A-Za-z0-9~^]*(?:([~^])|(\d+)|([A-Za-z]+)|$)/y;

function compareLabels(a: string, b: string): number {
  for (let i = 0, j = 0; ; ) {
    const [one, other] = [pieceAt(a, i), pieceAt(b, j)];
    const order = comparePieces(one, other);
    if (order !== 0 || one.kind === 'end') return order;
    i = one.end;
    j = other.end;
  }
}

type Kind = '~' | '^' | 'end' | 'word' | 'number';

interface Piece {
  readonly kind: Kind;
  readonly text: string;
  readonly end: number;
}

/** In ascending order, where the pieces are not of one kind. */
const KINDS: readonly Kind[] = ['~', 'end', '^', 'word', 'number'];

function pieceAt(label: string, at: number): Piece {
  PIECE.lastIndex = at;
  const [, mark, number, word] = PIECE.exec(label) ?? [];
  const end = PIECE.lastIndex;
  if (mark === '~' || mark === '^') return { kind: mark, text: mark, end };
  if (number !== undefined) return { kind: 'number', text: number, end };
  return word === undefined ? { kind: 'end', text: '', end } : { kind: 'word', text: word, end };
}

function comparePieces(a: Piece, b: Piece): number {
  if (a.kind !== b.kind) return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
  return a.kind === 'number' ? compareNumerals(a.text, b.text) : compareText(a.text, b.text);
}
