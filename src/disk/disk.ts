/** From a tree to a disk that starts: a sparse file, into which each part of the disk is written in its place. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { GrowingSeal } from '../layers/index.ts';
import { AshlarError } from '../support/errors.ts';
import { bootCode } from './boot/bios.ts';
import { espFiles, prepareBoot } from './boot/boot.ts';
import type { VerityRoot } from './boot/command-line.ts';
import { textContent, writeInTree } from './boot/tree.ts';
import type { EspFile, PreparedBoot } from './boot/types.ts';
import { checkFat, fatSizeFor, writeFat } from './fat/fat.ts';
import { hashTreeSize, makeHashTree } from './file-systems/hash-tree.ts';
import { makeSwap } from './file-systems/swap.ts';
import { fillPartitions, measurePartitions } from './fill.ts';
import { type Ids, idsOf, uuidOf } from './ids.ts';
import { ESP_LABEL, espId, type Layout, layOut, type PlannedDisk, planDisk } from './layout.ts';
import { partitionNumbers } from './partition-numbers.ts';
import { mebibytes, type Piece, writePieces } from './pieces.ts';
import type { DiskPartition, DiskRequest, MadeDisk, MadePartition, NeededRoom } from './request.ts';
import { guidTable } from './tables/gpt.ts';
import { msdosTable } from './tables/mbr.ts';
import type { PartitionKind } from './tables/partition-types.ts';
import type { TablePartition } from './tables/table.ts';
import { clampTimes, prepareTree } from './tree-changes.ts';
import type { DiskSpec } from './types.ts';

/**
 * Makes a raw disk of a tree, which changes on the way, and takes its SHA-256: while the root is filled, where that is an
 * ext4 that is written by our own hand and has no hash tree, else once the disk is written. Throws AshlarError when the
 * tree lacks what it needs to start, or when something has no room; no file is left then.
 */
export async function makeDisk(
  request: DiskRequest,
): Promise<{ readonly disk: MadeDisk; readonly sha256: string }> {
  const { spec, tree, epoch, output, signal, say } = request;
  const started = Date.now();
  const ids = idsOf(request.identity);
  const planned = planDisk(spec, ids);
  const { partitions } = planned;
  if (spec.tellsNumbers)
    writeInTree(tree, '/config.partids', 0o644, textContent(partitionNumbers(spec, partitions)));
  const boot = await prepareBoot({ ...request, partitions });
  prepareTree(tree, partitions, boot);
  clampTimes(tree, epoch, started);
  const files = espFiles(boot, spec.root.verity && unknownRoot(ids));
  const rooms = await measurePartitions(request, partitions);
  const needed = { fileSystems: rooms, esp: fatSizeFor(files), hashTree: hashTreeSize };
  const layout = layOut(spec, planned, needed);
  const { sectorSize } = spec;
  const esp = layout.partitions.find(({ role }) => role === 'efi');
  if (esp) checkFat({ size: esp.size, sectorSize, files });
  say(`partitions: ${layout.partitions.map(described).join(', ')}`);
  signal.throwIfAborted();
  const fd = openSync(output, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o644);
  try {
    await using seal = new GrowingSeal(output, signal);
    const root = await writeDisk(fd, { request, ids, planned, boot, files, layout, rooms, seal });
    const { digest, size } = await seal.finish();
    if (size !== layout.bytes) throw new AshlarError('the disk was cut short while its digest was taken');
    const { id } = planned;
    const { kernel, initrd } = boot;
    const found = { kernel: kernel?.version, initrd: initrd?.kind, rootHash: root?.rootHash };
    return { disk: { ...layout, id, ...found }, sha256: digest.slice('sha256:'.length) };
  } catch (error) {
    rmSync(output, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function described({ partitionName, fileSystem, size }: MadePartition): string {
  return [partitionName, ...(fileSystem ? [fileSystem.type] : []), mebibytes(size)].join(' ');
}

interface Writing {
  readonly request: DiskRequest;
  readonly ids: Ids;
  readonly planned: PlannedDisk;
  readonly boot: PreparedBoot;
  /** Of the ESP, before the root hash is known. */
  readonly files: readonly EspFile[];
  readonly layout: Layout;
  readonly rooms: ReadonlyMap<string, NeededRoom>;
  readonly seal: GrowingSeal;
}

/** Returns what the root is checked against, if it is. */
async function writeDisk(fd: number, writing: Writing): Promise<VerityRoot | undefined> {
  const { request, ids, planned, boot, layout, rooms, seal } = writing;
  const { spec, output: file } = request;
  ftruncateSync(fd, layout.bytes);
  writePieces(fd, tableOf(spec, planned, layout));
  writePieces(fd, await bootPieces(spec, boot, layout));
  for (const { role, fileSystem, start, size } of layout.partitions)
    if (role === 'swap' && fileSystem) await makeSwap({ ...fileSystem, file, offset: start, size });
  // Its files may be in /boot, which may have a partition of its own and leave the tree for it.
  if (!spec.root.verity) writeEsp(fd, writing, writing.files);
  await fillPartitions(request, layout.partitions, rooms, offset => {
    // The ESP, which has the root hash, comes last.
    if (!spec.root.verity) seal.settle(offset);
  });
  const root = await protectRoot(request, ids, layout);
  if (root) writeEsp(fd, writing, espFiles(boot, root));
  if (fstatSync(fd).size !== layout.bytes) throw new Error('a file system is larger than its partition');
  return root;
}

function writeEsp(fd: number, { request, ids, layout }: Writing, files: readonly EspFile[]): void {
  const esp = layout.partitions.find(({ role }) => role === 'efi');
  if (!esp) return;
  const place = { offset: esp.start, size: esp.size, sectorSize: request.spec.sectorSize };
  const names = { volumeId: espId(ids), label: ESP_LABEL };
  writeFat(fd, { ...place, ...names, time: request.epoch, files });
}

async function protectRoot(
  { output: file, signal }: DiskRequest,
  ids: Ids,
  { partitions }: Layout,
): Promise<VerityRoot | undefined> {
  const root = partitions.find(({ role }) => role === 'root');
  const hashes = partitions.find(({ role }) => role === 'verity');
  if (!root || !hashes) return undefined;
  const { salt } = unknownRoot(ids);
  const area = { dataOffset: root.start, dataSize: root.size, hashOffset: hashes.start };
  const rootHash = await makeHashTree({ file, ...area, uuid: uuidOf(ids, 'hash tree'), salt, signal });
  return { rootHash, salt, dataSize: root.size };
}

/** What loaders are told before the hash is known: as long as what they are told in the end. */
function unknownRoot(ids: Ids): VerityRoot {
  return { rootHash: '0'.repeat(64), salt: ids('salt').toString('hex'), dataSize: 2 ** 40 };
}

/** What a BIOS reads: the first sector, and GRUB behind it or in a partition of its own. */
async function bootPieces(spec: DiskSpec, { bios }: PreparedBoot, { partitions }: Layout): Promise<Piece[]> {
  if (!bios || spec.sectorSize !== 512) return [];
  const legacy = partitions.find(({ role }) => role === 'legacy');
  const start = legacy ? legacy.start / spec.sectorSize : 1;
  const sectors = legacy ? legacy.size / spec.sectorSize : spec.firstSector - 1;
  const code = bootCode({ ...bios, core: await bios.core }, start, sectors);
  return [
    { offset: 0, bytes: code.first },
    { offset: start * spec.sectorSize, bytes: code.core },
  ];
}

function tableOf(spec: DiskSpec, planned: PlannedDisk, { bytes, partitions }: Layout): Piece[] {
  const { sectorSize, architecture, hybridMbr } = spec;
  const { signature, id } = planned;
  const placed = partitions.map(partition => ({
    ...tablePartition(spec, partition),
    id: partition.uuid,
    name: partition.partitionName,
  }));
  const table = { sectorSize, sectors: bytes / sectorSize, signature, partitions: placed };
  if (spec.table === 'gpt') return guidTable({ ...table, id, architecture, hybrid: hybridMbr });
  const active =
    partitions.find(({ role }) => role === 'boot') ?? partitions.find(({ role }) => role === 'root');
  return msdosTable({ ...table, active: spec.firmware === 'bios' ? active?.number : undefined });
}

function tablePartition(spec: DiskSpec, partition: MadePartition): TablePartition {
  const { number, start, size } = partition;
  const { sectorSize } = spec;
  return { number, kind: kindOf(spec, partition), start: start / sectorSize, sectors: size / sectorSize };
}

function kindOf(spec: DiskSpec, { role, name }: DiskPartition): PartitionKind {
  return role === 'data'
    ? (spec.partitions.find(partition => partition.name === name)?.partitionType ?? 'linux')
    : role;
}
