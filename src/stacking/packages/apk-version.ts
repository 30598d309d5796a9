/**
 * Versions of apk's packages, apk-package(5): `number{.number}{letter}{_suffix{number}}{~hash}{-rnumber}`. After the
 * first one, numbers with leading zeros are compared as decimal places are.
 */
import { compareNumerals, compareText } from './numerals.ts';

/** Negative where `a` is the older one, positive where it is the newer one. */
export function compareApkVersions(a: string, b: string): number {
  const [one, other] = [piecesOf(a), piecesOf(b)];
  for (let i = 0; i < one.length || i < other.length; i++) {
    const order = comparePieces(one[i] ?? END, other[i] ?? END);
    if (order !== 0) return order;
  }
  return 0;
}

type Kind = 'before' | 'end' | 'revision' | 'hash' | 'count' | 'after' | 'letter' | 'number' | 'first';

/** Which is newer where one version goes on in one way and the other one in another: ascending. */
const KINDS: readonly Kind[] = [
  'before',
  'end',
  'revision',
  'hash',
  'count',
  'after',
  'letter',
  'number',
  'first',
];

const BEFORE = ['alpha', 'beta', 'pre', 'rc'];
const AFTER = ['cvs', 'svn', 'git', 'hg', 'p'];

interface Piece {
  readonly kind: Kind;
  readonly text: string;
}

const END: Piece = { kind: 'end', text: '' };

const PATTERN =
  /(?<first>^\d+)|\.(?<number>\d+)|(?<=\d)(?<letter>[a-z])|_(?<before>alpha|beta|pre|rc)|_(?<after>cvs|svn|git|hg|p)|(?<=[a-z])(?<count>\d+)|~(?<hash>[0-9a-f]+)|-r(?<revision>\d+)/y;

/** As far as it is a version. */
function piecesOf(version: string): readonly Piece[] {
  const pieces: Piece[] = [];
  PATTERN.lastIndex = 0;
  for (let match = PATTERN.exec(version); match !== null; match = PATTERN.exec(version))
    for (const kind of KINDS) {
      const text = match.groups?.[kind];
      if (text !== undefined) pieces.push({ kind, text });
    }
  return pieces;
}

function comparePieces(a: Piece, b: Piece): number {
  if (a.kind !== b.kind) return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
  switch (a.kind) {
    case 'before':
      return BEFORE.indexOf(a.text) - BEFORE.indexOf(b.text);
    case 'after':
      return AFTER.indexOf(a.text) - AFTER.indexOf(b.text);
    case 'number':
      return a.text.startsWith('0') || b.text.startsWith('0')
        ? compareText(a.text, b.text)
        : compareNumerals(a.text, b.text);
    case 'letter':
    case 'hash':
      return compareText(a.text, b.text);
    default:
      return compareNumerals(a.text, b.text);
  }
}
