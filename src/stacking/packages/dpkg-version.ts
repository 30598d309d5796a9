/** Versions of Debian packages: deb-version(7). */
import { compareNumerals } from './numerals.ts';

/** Negative where `a` is the older one, positive where it is the newer one. */
export function compareDpkgVersions(a: string, b: string): number {
  const [one, other] = [parse(a), parse(b)];
  return (
    one.epoch - other.epoch ||
    compareParts(one.upstream, other.upstream) ||
    compareParts(one.revision, other.revision)
  );
}

function parse(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)) || 0,
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** By turns what is no number, character by character, and what is one. */
function compareParts(a: string, b: string): number {
  const pattern = /(\D*)(\d*)/y;
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const [one, other] = [piece(pattern, a, i), piece(pattern, b, j)];
    const order = compareWords(one.word, other.word) || compareNumerals(one.number, other.number);
    if (order !== 0) return order;
    i = one.end;
    j = other.end;
  }
  return 0;
}

function piece(pattern: RegExp, text: string, at: number): { word: string; number: string; end: number } {
  pattern.lastIndex = at;
  const [, word = '', number = ''] = pattern.exec(text) ?? [];
  return { word, number, end: at + word.length + number.length };
}

function compareWords(a: string, b: string): number {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const order = weight(a[i]) - weight(b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

/** A tilde is before the end, the end before letters, letters before everything else. */
function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  return character.charCodeAt(0) + (/[A-Za-z]/.test(character) ? 0 : 256);
}
