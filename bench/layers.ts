/** Layers unpacked and packed by ashlar's library; the peers are umoci and pipelines of GNU tar and compressors. */
import { cpSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Fixtures, sizeOf, type Tree } from './fixtures.ts';
import type { Stage } from './stage.ts';
import type { Contender, Workload } from './workload.ts';

export function layers(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  return [
    unpacking(stage, fixtures),
    packingGzip(stage, 'debian-gzip', 'Debian root to a gzip layer', fixtures.debianTree),
    packingZstd(stage, 'debian-zstd', 'Debian root to a zstd layer', fixtures.debianTree),
    packingGzip(stage, 'many-gzip', '50 000 files + 200 MB to gzip', fixtures.manyFiles),
    packingZstd(stage, 'many-zstd', '50 000 files + 200 MB to zstd', fixtures.manyFiles),
  ];
}

function unpacking(stage: Stage, fixtures: Fixtures): Workload {
  return {
    name: 'unpack',
    title: 'Debian root unpacked',
    prepare: async () => {
      const { reference, layer, diffId } = await fixtures.debianImage();
      const to = (name: string) => stage.path(`unpack-${name}`);
      return {
        contenders: [
          {
            name: 'ashlar',
            prepare: () => void stage.cleared('unpack-ashlar'),
            command: stage.child('unpack', layer, 'gzip', diffId, to('ashlar')),
          },
          {
            name: 'umoci',
            prepare: () => void stage.cleared('unpack-umoci'),
            command: { program: 'umoci', args: ['unpack', '--image', reference, to('umoci')] },
          },
          {
            name: 'gzip | tar',
            prepare: () => void stage.made('unpack-tar'),
            command: shell('gzip -dc "$0" | tar -C "$1" --numeric-owner -xpf -', layer, to('tar')),
          },
        ],
        targets: [{ kind: 'ratio', to: 'umoci', atMost: 0.6 }],
      };
    },
  };
}

function packingGzip(stage: Stage, name: string, title: string, tree: () => Promise<Tree>): Workload {
  return {
    name,
    title,
    prepare: async () => {
      const { directory, tar } = await tree();
      const empty = stage.cleared('empty');
      await stage.run('umoci', 'init', '--layout', empty);
      await stage.run('umoci', 'new', '--image', `${empty}:layer`);
      return {
        contenders: [
          packing(stage, name, directory, 'gzip'),
          addingLayer(stage, empty, tar),
          pipeline(stage, directory, 'tar | pigz', 'pigz -6'),
          { ...pipeline(stage, directory, 'gzip -6', 'gzip -6'), once: true },
        ],
        targets: [
          { kind: 'ratio', to: 'umoci', atMost: 1 },
          { kind: 'size', to: 'gzip -6', atMost: 1.05 },
        ],
      };
    },
  };
}

function packingZstd(stage: Stage, name: string, title: string, tree: () => Promise<Tree>): Workload {
  return {
    name,
    title,
    prepare: async () => {
      const { directory } = await tree();
      return {
        contenders: [
          packing(stage, name, directory, 'zstd'),
          pipeline(stage, directory, 'tar | zstd', 'zstd -3 -T2 -q'),
        ],
        targets: [{ kind: 'ratio', to: 'tar | zstd', atMost: 1.2 }],
      };
    },
  };
}

function packing(stage: Stage, name: string, directory: string, compression: 'gzip' | 'zstd'): Contender {
  const blob = stage.path(`${name}.blob`);
  return {
    name: 'ashlar',
    prepare: () => void stage.cleared(`${name}.blob`),
    command: stage.child('pack', directory, compression, blob),
    size: () => sizeOf(blob),
  };
}

/** umoci starts from a tar file, which spares it the walk through the tree. */
function addingLayer(stage: Stage, empty: string, tar: string): Contender {
  const layout = stage.path('umoci');
  return {
    name: 'umoci',
    prepare: () => cpSync(empty, stage.cleared('umoci'), { recursive: true }),
    command: { program: 'umoci', args: ['raw', 'add-layer', '--image', `${layout}:layer`, tar] },
    size: () => largestBlob(layout),
  };
}

function largestBlob(layout: string): number {
  const blobs = join(layout, 'blobs/sha256');
  return Math.max(...readdirSync(blobs).map(name => statSync(join(blobs, name)).size));
}

/** A layer as a shell makes one: the hash of the tar (diff ID) and the hash of the blob (digest) on the way. */
function pipeline(stage: Stage, directory: string, name: string, compressor: string): Contender {
  const output = stage.path('pipeline');
  const script = `cd "$1"
    mkfifo copy
    sha256sum <copy >diff-id &
    tar -C "$0" --sort=name --numeric-owner --xattrs -cf - . | tee copy | ${compressor} | tee blob | sha256sum >digest
    wait`;
  return {
    name,
    needs: compressor.split(' ').slice(0, 1),
    prepare: () => void stage.made('pipeline'),
    command: shell(script, directory, output),
    size: () => sizeOf(join(output, 'blob')),
  };
}

function shell(script: string, ...args: readonly string[]) {
  return { program: 'bash', args: ['-e', '-o', 'pipefail', '-c', script, ...args] };
}
