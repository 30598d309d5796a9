/** Containers that hold a disk in /disk: how virtual machines of clusters are given theirs. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';
import { streamArchive } from '../../layers/index.ts';
import {
  archiveFiles,
  type Descriptor,
  digestOf,
  documentBytes,
  mediaTypes,
  ociLayerMediaType,
  type Platform,
} from '../../oci/index.ts';
import type { DiskContainer, DiskOutput } from '../../plan/outputs.ts';
import { composeConfig, composeManifest, emptyConfig } from '../config.ts';
import type { BuildContext } from '../context.ts';
import { canonical } from '../keys/keys.ts';
import { type Delivered, deliver } from './kept.ts';
import { formatPrograms, treePrograms } from './programs.ts';
import type { OutputTree } from './tree.ts';
import { diskParts } from './tree-outputs.ts';
import { writeSparse } from './write-sparse.ts';

/** Where clusters run machines, as the user qemu, files of their disks belong to it. */
const OWNER = 107;

/** What the container is made of and for. */
interface ContainedDisk {
  /** Where the file of the disk is. */
  readonly path: string;
  readonly tree: OutputTree;
  readonly platform: Platform;
}

/** Nothing is compressed: formats for which that is worth it are compressed themselves. */
export async function makeDiskContainer(
  output: DiskOutput,
  container: DiskContainer,
  disk: ContainedDisk,
  target: string,
  context: BuildContext,
): Promise<Delivered<null>> {
  const held = output.formats.find(({ file }) => file === container.disk);
  const programs = { ...treePrograms(output), ...(held ? formatPrograms(held.format) : {}) };
  const parts = [
    ...(await diskParts(output, disk.tree, programs, context)),
    ['container', canonical([container, held ?? null, disk.platform])] as const,
  ];
  const make = async (path: string) => {
    await writeSparse(await archiveOf(container, disk), path);
    return { facts: null };
  };
  return deliver({ domain: 'output disk container', parts, make }, target, context);
}

async function archiveOf(container: DiskContainer, disk: ContainedDisk): Promise<AsyncIterable<Uint8Array>> {
  const { format, names, labels, createdBy } = container;
  const layer = () => layerOf(container, disk.path);
  const blob = await descriptorOf(layer());
  const created = new Date(disk.tree.time * 1000).toISOString().replace('.000Z', 'Z');
  const change = { environment: [], labels, volumes: [] };
  const made = [{ diffId: blob.digest, created, createdBy }];
  const { platform } = disk;
  const config = composeConfig(emptyConfig(platform), made, change, platform, createdBy, { created });
  const configBytes = documentBytes(config);
  const manifest = composeManifest(
    { digest: digestOf(configBytes), size: configBytes.length },
    [{ mediaType: ociLayerMediaType('none'), ...blob }],
    {},
  );
  const manifestBytes = documentBytes(manifest);
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: digestOf(manifestBytes),
    size: manifestBytes.length,
  };
  const image = { manifest, descriptor, manifestBytes, configBytes, blob: layer };
  return streamArchive(archiveFiles(image, names, format));
}

function layerOf({ disk }: DiskContainer, path: string): AsyncIterable<Uint8Array> {
  const content = createReadStream(path, { highWaterMark: 1 << 20 });
  return streamArchive([
    { name: 'disk/', size: 0, content: [] },
    { name: `disk/${basename(disk)}`, size: statSync(path).size, owner: OWNER, content },
  ]);
}

async function descriptorOf(pieces: AsyncIterable<Uint8Array>): Promise<Pick<Descriptor, 'digest' | 'size'>> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    size += piece.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}
