/** What packages and the setup of a tree depend on. */
import type { ImagePlan, PackagesStep, SetupStep } from '../../plan/types.ts';
import type { BuildOptions } from '../context.ts';
import { chainOf } from '../layer-records.ts';
import type { FileIdentity } from '../sources/identity.ts';
import type { LayerRecord } from '../values.ts';
import { withoutPlaces } from './comparison.ts';
import { BELOW, epochPart } from './key-parts.ts';
import { canonical, type KeyPart } from './keys.ts';

/** @param layers Undefined where they are not known yet. */
export function setupParts(
  { changes }: Pick<SetupStep, 'changes'>,
  layers: readonly LayerRecord[] | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ...changes.map((change, i): KeyPart => [`change ${i + 1} (${change.kind})`, plain(change)]),
    epochPart(options),
  ];
}

/** @param keys What the key files are, in the order of `sourcesOfStep`. */
export function packagesParts(
  step: PackagesStep,
  { platform }: Pick<ImagePlan, 'platform'>,
  keys: readonly FileIdentity[],
  layers: readonly LayerRecord[] | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  const { kind: _, at: _at, createdBy: _by, failure: _failure, keys: _keys, repositories, ...words } = step;
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ...Object.entries(words).map(([name, value]): KeyPart => [name, plain(value)]),
    ...repositories.map(
      ({ keys: _, ...repository }): KeyPart => [`repository ${repository.alias}`, plain(repository)],
    ),
    ...keys.map(({ identity }, i): KeyPart => [`key ${i + 1}`, identity]),
    ['network', options.network],
    ['platform', canonical(platform)],
    epochPart(options),
  ];
}

function plain(value: unknown): string {
  return canonical(typeof value === 'object' && value !== null ? withoutPlaces(value) : value);
}
