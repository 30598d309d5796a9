/** Flags of CEKit descriptors: what they mean, and whose they are. */
import { hostPlatform, type Platform, parsePlatform } from '../../oci/index.ts';
import type { CekitOptions, Override } from '../../recipes/cekit/index.ts';
import { UsageError } from '../failure.ts';

/** What decides what a descriptor becomes, as commander gives it. */
export interface DescriptorFlags {
  /** A path, or `-`. */
  readonly descriptor?: string;
  /** Of both kinds, in the order of the command line. */
  readonly overrides?: readonly Override[];
  /** `NAME=value`, or `NAME` for what the environment says. */
  readonly buildArg?: readonly string[];
  /** Each may be several, separated by commas. */
  readonly platform?: readonly string[];
  readonly redhat?: true;
  readonly literalValues?: true;
  /** One layer for each module. */
  readonly layers?: true;
  /** False: one layer for each statement. */
  readonly squash?: boolean;
  /** What the lock file says is what is built. */
  readonly locked?: true;
}

/** The flags that were given, as they are written. */
export function givenDescriptorFlags(flags: DescriptorFlags): readonly string[] {
  const { overrides = [], buildArg = [], platform = [] } = flags;
  const given: Readonly<Record<string, boolean | undefined>> = {
    '--overrides': overrides.some(({ kind }) => kind === 'text-or-path'),
    '--overrides-file': overrides.some(({ kind }) => kind === 'path'),
    '--build-arg': buildArg.length > 0,
    '--platform': platform.length > 0,
    '--redhat': flags.redhat,
    '--literal-values': flags.literalValues,
    '--layers': flags.layers,
    '--no-squash': flags.squash === false,
    '--locked': flags.locked,
  };
  return Object.keys(given).filter(name => given[name]);
}

export function layersOf({ layers, squash }: DescriptorFlags): CekitOptions['layers'] {
  if (squash === false) return 'statements';
  return layers ? 'modules' : 'one';
}

/** The platforms, each once; this machine's where none is named. @throws AshlarError */
export function platformsOf(names: readonly string[]): readonly Platform[] {
  const texts = names.flatMap(name => name.split(',')).map(name => name.trim());
  if (texts.length === 0) return [hostPlatform()];
  const unique = new Map(texts.map(text => [JSON.stringify(parsePlatform(text)), parsePlatform(text)]));
  return [...unique.values()];
}

/** @throws UsageError when both are given. */
export function checkLayers({ layers, squash }: DescriptorFlags): void {
  if (layers && squash === false)
    throw new UsageError('--layers and --no-squash ask for different layers: give one of them');
}
