import { isAbsolute } from 'node:path';
import type { SourceSpan } from './errors.ts';
import { withoutPasswords } from './secrets.ts';

/**
 * A text that came from a file, with the way back: every stretch of it knows which stretch of the file it stands for,
 * so that an error found after replacing placeholders still points at what the user wrote.
 */
export interface SourceText {
  /** The absolute path that spans name; of a text that is no file, what it is called. */
  readonly file: string;
  readonly text: string;
  /** The text of the file as it was read. */
  readonly original: string;
  /** The same with stars for passwords: what lines are shown of, where there is no file to be looked at again. */
  readonly shown: string | undefined;
  /** The offset in the original at which each of its lines begins. */
  readonly lineStarts: readonly number[];
  /** The stretches of `text`, in order and without gaps. */
  readonly pieces: readonly Piece[];
}

/** A stretch of a text: either copied from the file, or put in the place of a stretch of the file. */
interface Piece {
  /** Offset in the text. */
  readonly at: number;
  readonly length: number;
  /** The offsets in the original of what this piece stands for. */
  readonly start: number;
  readonly end: number;
  readonly copied: boolean;
}

/** A replacement for the characters from `start` to before `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A file's text before any replacement. */
export function sourceText(file: string, text: string): SourceText {
  const whole = { at: 0, length: text.length, start: 0, end: text.length, copied: true };
  const lineStarts = [0, ...text.matchAll(/\n/g).map(({ index }) => index + 1)];
  const shown = isAbsolute(file) ? undefined : withoutPasswords(text);
  return { file, text, original: text, shown, lineStarts, pieces: [whole] };
}

/** The text with the edits done; they must be sorted and must not overlap. */
export function applyEdits(source: SourceText, edits: readonly Edit[]): SourceText {
  if (edits.length === 0) return source;
  const texts: string[] = [];
  const pieces: Piece[] = [];
  let length = 0;
  const put = (text: string, piece: Omit<Piece, 'at' | 'length'>) => {
    texts.push(text);
    pieces.push({ ...piece, at: length, length: text.length });
    length += text.length;
  };

  let from = 0;
  const copyUpTo = (to: number) => {
    for (const piece of piecesBetween(source.pieces, from, to)) {
      put(source.text.slice(piece.at, piece.at + piece.length), piece);
    }
  };
  for (const edit of edits) {
    copyUpTo(edit.start);
    put(edit.text, { ...originBetween(source, edit.start, edit.end), copied: false });
    from = edit.end;
  }
  copyUpTo(source.text.length);
  return { ...source, text: texts.join(''), pieces };
}

/** Where the characters from `start` to before `end` of the text come from; a span never leaves its first line. */
export function spanBetween(source: SourceText, start: number, end: number): SourceSpan {
  const origin = originBetween(source, start, end);
  const line = countWhile(source.lineStarts, lineStart => lineStart <= origin.start);
  const lineStart = source.lineStarts[line - 1] ?? 0;
  const lineEnd = (source.lineStarts[line] ?? source.original.length + 1) - 1;
  const length = Math.min(origin.end, lineEnd) - origin.start;
  return {
    file: source.file,
    line,
    column: origin.start - lineStart + 1,
    ...(length > 0 && { length }),
    ...(source.shown !== undefined && {
      lineText: source.shown.slice(lineStart, lineEnd).replace(/\r$/, ''),
    }),
  };
}

function originBetween(source: SourceText, start: number, end: number): { start: number; end: number } {
  const first = pieceAt(source.pieces, start);
  const last = end > start ? pieceAt(source.pieces, end - 1) : first;
  return {
    start: first.copied ? first.start + (start - first.at) : first.start,
    end: last.copied ? last.start + (Math.max(start, end) - last.at) : last.end,
  };
}

/** The piece that holds the character at `offset`, or the last piece when the offset is the end of the text. */
function pieceAt(pieces: readonly Piece[], offset: number): Piece {
  return pieces[firstPieceEndingAfter(pieces, offset)] ?? lastOf(pieces);
}

function piecesBetween(pieces: readonly Piece[], from: number, to: number): Piece[] {
  const cut: Piece[] = [];
  for (let i = firstPieceEndingAfter(pieces, from); i < pieces.length; i++) {
    const piece = pieces[i];
    if (piece === undefined || piece.at >= to) break;
    const at = Math.max(piece.at, from);
    const length = Math.min(piece.at + piece.length, to) - at;
    const start = piece.start + (at - piece.at);
    cut.push(
      piece.copied ? { at, length, start, end: start + length, copied: true } : { ...piece, at, length },
    );
  }
  return cut;
}

function firstPieceEndingAfter(pieces: readonly Piece[], offset: number): number {
  return countWhile(pieces, piece => piece.at + piece.length <= offset);
}

/** How many items from the front on fulfil the condition, when it holds for a first part of them and for no other. */
function countWhile<T>(items: readonly T[], condition: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items.slice(middle, middle + 1).some(condition)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastOf(pieces: readonly Piece[]): Piece {
  return pieces.at(-1) ?? { at: 0, length: 0, start: 0, end: 0, copied: true };
}
