/**
 * Text of which a part is known only when the stacker file is built: what a build argument stands for there is the
 * value of a substitution. Everything else of it is literal.
 */
export type Text = readonly (string | Argument)[];

export interface Argument {
  readonly name: string;
  /** Its value where nobody gives another. */
  readonly fallback: string;
}

export const literal = (text: string): Text => (text === '' ? [] : [text]);

/** Pieces one after the other; neighbouring literals become one. */
export function concat(...texts: readonly Text[]): Text {
  const pieces: (string | Argument)[] = [];
  for (const piece of texts.flat()) {
    const last = pieces.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') pieces[pieces.length - 1] = last + piece;
    else if (piece !== '') pieces.push(piece);
  }
  return pieces;
}

/** The text as it is when every argument has its default. */
export const plain = (text: Text): string =>
  text.map(piece => (typeof piece === 'string' ? piece : piece.fallback)).join('');

export const isLiteral = (text: Text): boolean => text.every(piece => typeof piece === 'string');

export const equalTexts = (a: Text | undefined, b: Text | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
