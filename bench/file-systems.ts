/** Layers as file systems with verity data, by the command itself; the peers are the programs that write them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ashlarBuild } from './builds.ts';
import { type Fixtures, sizeOf } from './fixtures.ts';
import type { Stage } from './stage.ts';
import type { Contender, Target, Workload } from './workload.ts';

export function fileSystems(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  const workload = (
    name: 'squashfs' | 'erofs',
    title: string,
    peer: (image: string) => readonly string[],
    targets: readonly Target[],
  ): Workload => ({
    name,
    title,
    needs: peer('').slice(0, 1),
    prepare: async () => {
      const { reference } = await fixtures.debianImage();
      const { directory } = await fixtures.debianTree();
      const image = stage.path(`${name}.image`);
      const [program = '', ...args] = peer(image);
      return {
        contenders: [
          building(stage, name, reference),
          {
            name: program,
            prepare: () => void stage.cleared(`${name}.image`),
            command: { program, args: args.map(arg => (arg === TREE ? directory : arg)) },
            size: () => sizeOf(image),
          },
        ],
        targets,
      };
    },
  });
  return [
    workload(
      'squashfs',
      'Debian root to squashfs with verity, cold store',
      image => ['mksquashfs', TREE, image, '-comp', 'zstd', '-noappend', '-no-progress', '-quiet'],
      [
        { kind: 'ratio', to: 'mksquashfs', atMost: 0.1 },
        { kind: 'size', to: 'mksquashfs', atMost: 1.15 },
      ],
    ),
    workload(
      'erofs',
      'Debian root to erofs with verity, cold store',
      image => ['mkfs.erofs', '--quiet', '-zlz4hc', image, TREE],
      [],
    ),
  ];
}

/** Stands for the directory of the tree. */
const TREE = '<tree>';

/** Throws before a run when the one before did not give the same bytes as all before it. */
function building(stage: Stage, type: string, base: string): Contender {
  const layers = { debian: { from: { type: 'oci', url: base } } };
  const build = ashlarBuild(stage, type, 'cold', () => ({ layers, hello: '' }), '--layer-type', type);
  const blobs = stage.path(type, 'oci/blobs/sha256');
  const sizes = () =>
    existsSync(blobs) ? readdirSync(blobs).map(name => ({ name, size: sizeOf(join(blobs, name)) })) : [];
  let layer: string | undefined;
  return {
    ...build,
    prepare(run) {
      const largest = sizes().sort((a, b) => b.size - a.size)[0];
      if (layer !== undefined && layer !== largest?.name)
        throw new Error(`${type} layers of one tree are not equal`);
      layer = largest?.name;
      return build.prepare?.(run);
    },
    size: () => Math.max(...sizes().map(({ size }) => size)),
  };
}
