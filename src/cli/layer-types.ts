/** Forms of layers, as flags name them. */
import { type FormOptions, TAG_SUFFIXES } from '../engine/index.ts';
import { QUICK_SQUASHFS, SMALLEST_SQUASHFS } from '../layers/index.ts';
import { AshlarError } from '../support/errors.ts';
import { UsageError } from './failure.ts';

type LayerType = FormOptions['types'][number];

function isLayerType(type: string): type is LayerType {
  return Object.hasOwn(TAG_SUFFIXES, type);
}

/**
 * The types, each once, in their order.
 * @throws AshlarError for what is no form of layers, UsageError when there is none.
 */
export function layerTypes(types: readonly string[]): readonly LayerType[] {
  // Scripts separate them by commas, too.
  const names = types.flatMap(type => type.split(',')).filter(name => name !== '');
  if (names.length === 0) throw new UsageError('must specify at least one output --layer-type');
  return [...new Set(names)].map(name => {
    if (isLayerType(name)) return name;
    throw new AshlarError(`unknown layer type: ${name}`, {
      hint: `there are ${Object.keys(TAG_SUFFIXES).join(', ')}`,
    });
  });
}

/** What follows the name of an image in its tag with layers of this type. */
export function tagSuffix(type: LayerType): string {
  return TAG_SUFFIXES[type];
}

export interface FormFlags {
  readonly layerType: readonly string[];
  readonly verity?: boolean;
  readonly squashfsVerity?: boolean;
  readonly squashfsCompression?: string;
  readonly erofsCompression?: string;
}

/** @throws AshlarError, UsageError for flags that name no form. */
export function formOptions(flags: FormFlags): FormOptions {
  return {
    types: layerTypes(flags.layerType),
    verity: flags.verity !== false && flags.squashfsVerity !== false,
    squashfs: squashfsCompression(flags.squashfsCompression),
    erofs: erofsCompression(flags.erofsCompression),
  };
}

/** Levels of each compressor; those without have none to choose. */
const SQUASHFS_LEVELS = { zstd: 22, gzip: 9, xz: 0, lz4: 0, lzo: 9 } as const;
const EROFS_LEVELS = { lz4: 0, lz4hc: 12, zstd: 22 } as const;

/** `zstd:9`, `gzip`, or `max`. */
function squashfsCompression(text: string | undefined): FormOptions['squashfs'] {
  if (text === undefined) return undefined;
  if (text === 'max') return SMALLEST_SQUASHFS;
  const { blockSize, ...quick } = QUICK_SQUASHFS;
  const chosen = choice(text, SQUASHFS_LEVELS, '--squashfs-compression');
  // mksquashfs's own level for zstd takes twenty times as long.
  return { blockSize, ...(chosen.compressor === quick.compressor ? quick : {}), ...chosen };
}

/** `lz4hc:9`, `lz4`. */
function erofsCompression(text: string | undefined): FormOptions['erofs'] {
  return text === undefined ? undefined : choice(text, EROFS_LEVELS, '--erofs-compression');
}

function choice<C extends string>(text: string, levels: Readonly<Record<C, number>>, flag: string) {
  const [name = '', levelText, ...more] = text.split(':');
  const known = Object.entries(levels).map(([compressor]) => compressor as C);
  const compressor = known.find(candidate => candidate === name);
  if (compressor === undefined || more.length > 0)
    throw new UsageError(`${flag} ${text}: choose one of ${known.join(', ')}`);
  if (levelText === undefined) return { compressor };
  const level = Number(levelText);
  const most = levels[compressor];
  if (most === 0) throw new UsageError(`${flag} ${text}: ${compressor} has no levels`);
  if (!Number.isInteger(level) || level < 1 || level > most)
    throw new UsageError(`${flag} ${text}: the levels of ${compressor} are 1 to ${most}`);
  return { compressor, level };
}
