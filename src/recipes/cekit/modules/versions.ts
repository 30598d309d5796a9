/** A version by PEP 440 (https://peps.python.org/pep-0440/). Numbers are digits without leading zeros, of any length. */
interface Version {
  readonly epoch: string;
  /** Without zeros at the end: 1 and 1.0 are the same version. */
  readonly release: readonly string[];
  readonly pre?: { readonly kind: 'a' | 'b' | 'rc'; readonly number: string };
  readonly post?: string;
  readonly dev?: string;
  readonly local?: readonly string[];
}

const separator = '[-_.]?';
const publicVersion =
  '(?:(?<epoch>[0-9]+)!)?(?<release>[0-9]+(?:\\.[0-9]+)*)' +
  `(?:${separator}(?<pre>alpha|beta|preview|pre|rc|a|b|c)${separator}(?<preNumber>[0-9]*))?` +
  `(?:-(?<implicitPost>[0-9]+)|${separator}(?:post|rev|r)${separator}(?<post>[0-9]*))?` +
  `(?:${separator}dev${separator}(?<dev>[0-9]*))?`;
const pattern = new RegExp(`^v?${publicVersion}(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`, 'i');

const kinds = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  pre: 'rc',
  preview: 'rc',
  rc: 'rc',
} as const;

/** Whether PEP 440 knows what the text means as a version. */
export function followsPep440(text: string): boolean {
  return pattern.test(text.trim());
}

/**
 * Below zero where `a` is older than `b`, above where it is newer, zero where PEP 440 calls them the same. Texts that
 * are no versions are older than all versions, and among themselves in the order of their characters.
 */
export function compareVersions(a: string, b: string): number {
  const [versionA, versionB] = [parse(a), parse(b)];
  if (versionA === undefined && versionB === undefined) return compareTexts(a, b);
  if (versionA === undefined) return -1;
  if (versionB === undefined) return 1;
  return (
    compareNumbers(versionA.epoch, versionB.epoch) ||
    compareLists(versionA.release, versionB.release, compareNumbers) ||
    comparePre(versionA, versionB) ||
    compareNumbers(versionA.post ?? '', versionB.post ?? '') ||
    compareDev(versionA.dev, versionB.dev) ||
    compareLists(versionA.local ?? [], versionB.local ?? [], compareLocal)
  );
}

function parse(text: string): Version | undefined {
  const groups = pattern.exec(text.trim())?.groups;
  if (groups?.release === undefined) return undefined;
  const pre = groups.pre?.toLowerCase();
  const post = groups.implicitPost ?? groups.post;
  return {
    epoch: digits(groups.epoch ?? ''),
    release: withoutTrailingZeros(groups.release.split('.').map(digits)),
    ...(isPre(pre) && { pre: { kind: kinds[pre], number: digits(groups.preNumber ?? '') } }),
    ...(post !== undefined && { post: digits(post) }),
    ...(groups.dev !== undefined && { dev: digits(groups.dev) }),
    ...(groups.local !== undefined && { local: groups.local.toLowerCase().split(/[-_.]/) }),
  };
}

function isPre(text: string | undefined): text is keyof typeof kinds {
  return text !== undefined && Object.hasOwn(kinds, text);
}

function digits(text: string): string {
  return text.replace(/^0+(?=.)/, '') || '0';
}

function withoutTrailingZeros(release: readonly string[]): readonly string[] {
  return release.slice(0, release.findLastIndex(number => number !== '0') + 1);
}

/** Numbers by their digits; no digits at all are less than any number. */
function compareNumbers(a: string, b: string): number {
  return a.length - b.length || compareTexts(a, b);
}

/** A development release of no pre- or post-release comes before all pre-releases, the release itself after them. */
function comparePre(a: Version, b: Version): number {
  return (
    preRank(a) - preRank(b) ||
    compareTexts(a.pre?.kind ?? '', b.pre?.kind ?? '') ||
    compareNumbers(a.pre?.number ?? '', b.pre?.number ?? '')
  );
}

function preRank({ pre, post, dev }: Version): number {
  if (pre !== undefined) return 1;
  return post === undefined && dev !== undefined ? 0 : 2;
}

function compareDev(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return compareNumbers(a, b);
}

function compareLocal(a: string, b: string): number {
  const [numericA, numericB] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
  if (numericA !== numericB) return numericA ? 1 : -1;
  return numericA ? compareNumbers(digits(a), digits(b)) : compareTexts(a, b);
}

function compareLists(
  a: readonly string[],
  b: readonly string[],
  compare: (a: string, b: string) => number,
): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compare(part, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
