/** Layers as file systems with verity data; the peers are the programs that write them. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ashlarBuild } from './builds.ts';
import { type Fixtures, sizeOf } from './fixtures.ts';
import type { Stage } from './stage.ts';
import type { Contender, Workload } from './workload.ts';

export function fileSystems(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  return [
    {
      name: 'squashfs',
      title: 'Debian root to squashfs with verity',
      needs: ['mksquashfs'],
      prepare: async () => {
        const { directory, tar } = await fixtures.debianTree();
        const [ours, theirs] = [stage.path('ashlar.squashfs'), stage.path('peer.squashfs')];
        const build: Contender = {
          name: 'ashlar',
          command: stage.child('squashfs', tar, ours),
          size: () => sizeOf(ours),
        };
        const options = ['-comp', 'zstd', '-noappend', '-no-progress', '-quiet'];
        return {
          contenders: [
            repeating(build, () => hashOf(ours)),
            {
              name: 'mksquashfs',
              prepare: () => void stage.cleared('peer.squashfs'),
              command: { program: 'mksquashfs', args: [directory, theirs, ...options] },
              size: () => sizeOf(theirs),
            },
          ],
          targets: [
            { kind: 'ratio', to: 'mksquashfs', atMost: 0.1 },
            { kind: 'size', to: 'mksquashfs', atMost: 1.15 },
          ],
        };
      },
    },
    {
      name: 'erofs',
      title: 'Debian root to erofs with verity, cold store',
      needs: ['mkfs.erofs'],
      prepare: async () => {
        const { reference } = await fixtures.debianImage();
        const { directory } = await fixtures.debianTree();
        const image = stage.path('peer.erofs');
        const layers = { debian: { from: { type: 'oci', url: reference } } };
        const build = ashlarBuild(
          stage,
          'erofs',
          'cold',
          () => ({ layers, hello: '' }),
          '--layer-type',
          'erofs',
        );
        const blobs = stage.path('erofs', 'oci/blobs/sha256');
        return {
          contenders: [
            repeating({ ...build, size: () => sizeOf(largestIn(blobs) ?? '') }, async () => largestIn(blobs)),
            {
              name: 'mkfs.erofs',
              prepare: () => void stage.cleared('peer.erofs'),
              command: { program: 'mkfs.erofs', args: ['--quiet', '-zlz4hc', image, directory] },
              size: () => sizeOf(image),
            },
          ],
          targets: [],
        };
      },
    },
  ];
}

/** Throws before a run when the one before did not make the same as all before it, by what `identify` says of it. */
function repeating(contender: Contender, identify: () => Promise<string | undefined>): Contender {
  let first: string | undefined;
  return {
    ...contender,
    async prepare(run) {
      const made = await identify();
      first ??= made;
      if (made !== first) throw new Error('layers of one tree are not equal');
      await contender.prepare?.(run);
    },
  };
}

async function hashOf(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function largestIn(directory: string): string | undefined {
  const paths = existsSync(directory) ? readdirSync(directory).map(name => join(directory, name)) : [];
  return paths.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0];
}
