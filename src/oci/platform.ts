import { AshlarError } from '../support/errors.ts';
import type { Descriptor, Platform } from './types.ts';

// Node.js's names of architectures where they differ from Go's, which image-spec uses.
const goArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
};

/** The platform that this process runs on. */
export function hostPlatform(): Platform {
  return { os: process.platform, architecture: goArchitectures[process.arch] ?? process.arch };
}

/** `os/architecture[/variant]`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(part => part).join('/');
}

// What machines call themselves, where it differs.
const machineArchitectures = new Map([
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
  ['i386', '386'],
]);

/** The platform of `os/architecture[/variant]`, or of an architecture alone. @throws AshlarError */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [os = '', name = '', variant, ...rest] = parts.length === 1 ? ['linux', text] : parts;
  if (rest.length > 0 || [os, name, variant ?? 'v'].some(part => !/^[a-z0-9_]+$/.test(part)))
    throw new AshlarError(`"${text}" is no platform`, { hint: 'write linux/amd64 or linux/arm/v7' });
  const architecture = machineArchitectures.get(name) ?? name;
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

/**
 * The entry of an index that fits the platform best: the same variant, else the newest variant that the platform can
 * run. An entry without a platform is taken when it is the only one of its kind and nothing else fits. Undefined when
 * nothing fits.
 */
export function chooseByPlatform(entries: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const runnable = runnableVariants(wanted);
  const ranked = entries
    .filter(({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture)
    .map(entry => ({ entry, rank: runnable.indexOf(plainVariant(entry.platform)) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  if (ranked[0]) return ranked[0].entry;
  const unmarked = entries.filter(entry => entry.platform === undefined);
  return unmarked.length === 1 ? unmarked[0] : undefined;
}

/** The error for an index in which nothing fits. */
export function noSuchPlatform(what: string, entries: readonly Descriptor[], wanted: Platform): AshlarError {
  // buildx puts its attestations into the index as unknown/unknown.
  const offered = entries.flatMap(({ platform }) =>
    platform && platform.os !== 'unknown' ? [formatPlatform(platform)] : [],
  );
  return new AshlarError(`${what} has no image for ${formatPlatform(wanted)}`, {
    hint: offered.length > 0 ? `it has ${[...new Set(offered)].join(', ')}` : undefined,
  });
}

/** Variants of the wanted architecture that run on the wanted one, best first; '' is the architecture's default. */
function runnableVariants(wanted: Platform): readonly string[] {
  const variant = plainVariant(wanted);
  switch (wanted.architecture) {
    case 'arm':
      return fallingFrom(variant || 'v7', 5).concat('');
    case 'arm64':
      return fallingFrom(variant || 'v8', 9).concat('');
    case 'amd64':
      return fallingFrom(variant || 'v1', 2).concat('');
    default:
      return variant === '' ? [''] : [variant, ''];
  }
}

/** arm64/v8 and amd64/v1 are other names of the default. */
function plainVariant(platform: Platform | undefined): string {
  const variant = platform?.variant ?? '';
  const isDefault =
    (platform?.architecture === 'arm64' && variant === 'v8') ||
    (platform?.architecture === 'amd64' && variant === 'v1');
  return isDefault ? '' : variant;
}

/** v7, v6, v5 for v7 and 5. A variant without a number stands alone. */
function fallingFrom(variant: string, lowest: number): string[] {
  const newest = Number(/^v(\d+)$/.exec(variant)?.[1] ?? Number.NaN);
  if (Number.isNaN(newest)) return [variant];
  return Array.from({ length: Math.max(newest - lowest + 1, 0) }, (_, i) => `v${newest - i}`);
}
