/** What is stacked, as people and keys know it. */
import { basename } from 'node:path';
import type { SingleBase } from '../../plan/bases.ts';
import { nameOfSource } from '../../plan/names.ts';
import type { StackBase } from '../../plan/types.ts';
import { mergers } from '../../stacking/index.ts';
import type { BuildOptions } from '../context.ts';
import { canonical, type KeyPart, keyOf } from '../keys/keys.ts';
import { chainOf } from '../layer-records.ts';
import type { LayerRecord } from '../values.ts';

/** The number is raised whenever stacking, applying or a merger may decide otherwise than before. */
export const MERGING = canonical([1, ...mergers.map(({ name }) => name)]);

/** An image that is to be stacked. */
export interface Part {
  /** Unique among the parts. */
  readonly name: string;
  /** Bottom to top. */
  readonly layers: readonly LayerRecord[];
}

/**
 * Short names, without directories of the host: they become part of the image. Where several are the same, the later
 * ones have a number.
 */
export function namesOfParts(bases: readonly SingleBase[]): readonly string[] {
  const names = bases.map(shortName);
  return names.map((name, i) => {
    const earlier = names.slice(0, i).filter(other => other === name).length;
    return earlier === 0 ? name : `${name} (${earlier + 1})`;
  });
}

function shortName(base: SingleBase): string {
  switch (base.kind) {
    case 'scratch':
      return 'scratch';
    case 'built':
      return base.image;
    case 'image': {
      const { directory, tag } = /^oci:(?<directory>[^:]*):(?<tag>.*)$/s.exec(base.reference)?.groups ?? {};
      return directory === undefined ? base.reference : `oci:${basename(directory)}:${tag}`;
    }
    case 'tar':
      return base.source.kind === 'file' ? basename(base.source.path) : nameOfSource(base.source);
  }
}

/** What a stack depends on: the layers of its parts in their order, whatever is known of them together. */
export function stackKeyParts(
  parts: readonly Part[],
  base: StackRules,
  options: Pick<BuildOptions, 'sourceDateEpoch'>,
): readonly KeyPart[] {
  return [
    ...parts.map(({ name, layers }): KeyPart => [`part ${name}`, listOf(layers)]),
    ...stackRules(base, options),
  ];
}

type StackRules = Pick<StackBase, 'conflicts' | 'libraryCache'>;

export function stackRules(
  { conflicts, libraryCache }: StackRules,
  { sourceDateEpoch }: Pick<BuildOptions, 'sourceDateEpoch'>,
): readonly KeyPart[] {
  return [
    ['conflicts', canonical(conflicts)],
    ['library cache', libraryCache],
    ['merging', MERGING],
    ['SOURCE_DATE_EPOCH', String(sourceDateEpoch ?? '')],
  ];
}

/** Unlike `chainOf` it tells every order from every other. */
export function listOf(layers: readonly LayerRecord[]): string {
  return keyOf(
    'layers',
    layers.map(({ diffId }) => ['layer', diffId]),
  );
}

/** The key of a stack of which any order of the parts gives the same tree. */
export function pileOf(parts: readonly Part[], { conflicts, libraryCache }: StackRules): string {
  const chains = parts.map(({ layers }) => chainOf(layers)).sort();
  return keyOf('pile', [
    ...chains.map((chain): KeyPart => ['part', chain]),
    ['conflicts', canonical(conflicts)],
    ['library cache', libraryCache],
  ]);
}
