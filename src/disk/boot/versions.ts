/** The order of kernel versions. */

/**
 * Less than 0 when `a` is older. Numbers compare as numbers, and are newer than words; what goes on is newer than what
 * has ended, except for release candidates.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareParts(left[i], right[i]);
    if (order !== 0) return order;
  }
  // Different only in what separates the parts.
  return a < b ? -1 : a > b ? 1 : 0;
}

function partsOf(version: string): readonly string[] {
  return version.match(/\d+|[a-z]+/gi) ?? [];
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  const ranks = rankOf(a) - rankOf(b);
  if (ranks !== 0) return ranks;
  if (a === undefined || b === undefined) return 0;
  const numbers = rankOf(a) === NUMBER ? BigInt(a) - BigInt(b) : 0n;
  if (numbers !== 0n) return numbers < 0n ? -1 : 1;
  return rankOf(a) === NUMBER || a === b ? 0 : a < b ? -1 : 1;
}

const NUMBER = 3;

function rankOf(part: string | undefined): number {
  if (part === undefined) return 1;
  if (part === 'rc') return 0;
  return /^\d/.test(part) ? NUMBER : 2;
}
