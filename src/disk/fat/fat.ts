/**
 * Writes FAT16 and FAT32 file systems (Microsoft's FAT specification 1.03) once, from a list of files: every file and
 * directory lies in one stretch, in the order of the tree.
 */
import { AshlarError } from '../../support/errors.ts';
import { readContent, sizeOf } from '../boot/tree.ts';
import type { FileContent } from '../boot/types.ts';
import { alignUp, MIB, mebibytes, writePieces } from '../pieces.ts';
import { type DirectoryNode, directoriesOf, type FatFile, type FileNode } from './directories.ts';
import { fatGeometry, type Geometry, ROOT_ENTRIES } from './geometry.ts';
import { entriesOf, type FatName, fatNames, longNameEntries } from './names.ts';

export interface FatRequest {
  /** Where the partition is on its disk, in bytes. */
  readonly offset: number;
  readonly size: number;
  readonly sectorSize: number;
  readonly volumeId: number;
  /** Up to eleven characters of ASCII; made upper case. */
  readonly label: string;
  /** Seconds since 1970, of everything in it. */
  readonly time: number;
  readonly files: readonly FatFile[];
}

const ENTRY = 32;
const DIRECTORY = 0x10;
const ARCHIVE = 0x20;
const LABEL = 0x08;

/** About what the files need of a partition, file system included; never too little. */
export function fatSizeFor(files: readonly FatFile[]): number {
  // Clusters of files and directories are partly empty, and each has an entry in two tables.
  const held = files.reduce(
    (sum, { content, path }) => sum + sizeOf(content) + 8192 * path.split('/').length,
    0,
  );
  return Math.ceil(held * 1.02) + MIB;
}

/** Throws an AshlarError where the files, or what FAT says of them, have no room. */
export function checkFat({
  size,
  sectorSize,
  files,
}: Pick<FatRequest, 'size' | 'sectorSize' | 'files'>): void {
  place(directoriesOf(files), fatGeometry(size, sectorSize), size);
}

/** Writes the file system into the disk that `fd` is open on, and that reads as zeros there. */
export function writeFat(fd: number, request: FatRequest): void {
  const geometry = fatGeometry(request.size, request.sectorSize);
  const placed = place(directoriesOf(request.files), geometry, request.size);
  const at = (sector: number) => request.offset + sector * geometry.sectorSize;
  const data = geometry.reserved + 2 * geometry.fat + geometry.root;
  const clusterAt = (cluster: number) => at(data + (cluster - 2) * geometry.perCluster);

  const write = (offset: number, bytes: Buffer) => writePieces(fd, [{ offset, bytes }]);
  for (const [sector, bytes] of bootSectors(request, geometry, placed)) write(at(sector), bytes);
  const table = allocationTable(geometry, placed.stretches);
  for (const copy of [0, 1]) write(at(geometry.reserved + copy * geometry.fat), table);

  const stamp = timeStamp(request.time);
  for (const directory of placed.directories) {
    const bytes = directoryBytes(directory, stamp, request.label);
    const inPlace = directory.parent === undefined && geometry.bits === 16;
    write(inPlace ? at(geometry.reserved + 2 * geometry.fat) : clusterAt(directory.first), bytes);
  }
  for (const { node, first } of placed.files) writeContent(fd, node.content, clusterAt(first));
}

interface PlacedFile {
  readonly node: FileNode;
  readonly name: FatName;
  /** The first cluster; 0 of empty files. */
  readonly first: number;
}

interface PlacedDirectory {
  readonly first: number;
  /** Absent of the root. */
  readonly parent?: PlacedDirectory;
  readonly name?: FatName;
  /** In the order of their names. */
  readonly children: (PlacedDirectory | PlacedFile)[];
}

interface Stretch {
  readonly first: number;
  readonly clusters: number;
}

interface Placed {
  readonly directories: readonly PlacedDirectory[];
  readonly files: readonly PlacedFile[];
  readonly stretches: readonly Stretch[];
  /** The first cluster that is free. */
  readonly next: number;
}

/** Gives every directory and file its clusters. Throws when there are not enough. */
function place(tree: DirectoryNode, geometry: Geometry, size: number): Placed {
  const clusterSize = geometry.perCluster * geometry.sectorSize;
  const directories: PlacedDirectory[] = [];
  const files: PlacedFile[] = [];
  const stretches: Stretch[] = [];
  let next = 2;
  const take = (bytes: number): number => {
    const clusters = Math.ceil(bytes / clusterSize);
    if (clusters === 0) return 0;
    const first = next;
    stretches.push({ first, clusters });
    next += clusters;
    return first;
  };
  const visit = (node: DirectoryNode, own?: { parent: PlacedDirectory; name: FatName }): PlacedDirectory => {
    const names = fatNames(node.children.map(child => child.name));
    const entries = names.reduce((sum, name) => sum + entriesOf(name), own ? 2 : 1);
    const fixed = !own && geometry.bits === 16;
    if (fixed && entries > ROOT_ENTRIES)
      throw new AshlarError('the root directory of a FAT16 file system has no room for so many files');
    const directory: PlacedDirectory = { ...own, first: fixed ? 0 : take(entries * ENTRY), children: [] };
    directories.push(directory);
    for (const [i, child] of node.children.entries()) {
      const name = names[i];
      if (!name) continue;
      if (child.kind === 'directory') directory.children.push(visit(child, { parent: directory, name }));
      else {
        const file = { node: child, name, first: take(sizeOf(child.content)) };
        files.push(file);
        directory.children.push(file);
      }
    }
    return directory;
  };
  visit(tree);
  if (next - 2 > geometry.clusters)
    throw new AshlarError(
      `the EFI system partition has ${mebibytes(size)}, but its files need ${mebibytes(alignUp((next - 2) * clusterSize, MIB))}`,
      { hint: 'Make it larger, or leave its size out: it is then as large as its content needs.' },
    );
  return { directories, files, stretches, next };
}

/** The boot sector, and of FAT32 what belongs to it, each with the sector that it is in. */
function bootSectors(
  request: FatRequest,
  geometry: Geometry,
  { next, directories }: Placed,
): [number, Buffer][] {
  const wide = geometry.bits === 32;
  const boot = Buffer.alloc(512);
  boot.set([0xeb, wide ? 0x58 : 0x3c, 0x90]);
  // What formatters of Windows write; some systems believe no other.
  boot.write('MSWIN4.1', 3, 'latin1');
  boot.writeUInt16LE(geometry.sectorSize, 11);
  boot.writeUInt8(geometry.perCluster, 13);
  boot.writeUInt16LE(geometry.reserved, 14);
  boot.writeUInt8(2, 16);
  boot.writeUInt16LE(wide ? 0 : ROOT_ENTRIES, 17);
  const small = geometry.total < 0x10000;
  boot.writeUInt16LE(small ? geometry.total : 0, 19);
  boot.writeUInt8(0xf8, 21);
  boot.writeUInt16LE(wide ? 0 : geometry.fat, 22);
  boot.writeUInt16LE(63, 24);
  boot.writeUInt16LE(255, 26);
  boot.writeUInt32LE(request.offset / geometry.sectorSize, 28);
  boot.writeUInt32LE(small ? 0 : geometry.total, 32);
  if (wide) {
    boot.writeUInt32LE(geometry.fat, 36);
    boot.writeUInt32LE(directories[0]?.first ?? 2, 44);
    boot.writeUInt16LE(1, 48);
    boot.writeUInt16LE(6, 50);
  }
  const rest = wide ? 64 : 36;
  boot.writeUInt8(0x80, rest);
  boot.writeUInt8(0x29, rest + 2);
  boot.writeUInt32LE(request.volumeId, rest + 3);
  boot.write(labelText(request.label), rest + 7, 'latin1');
  boot.write(wide ? 'FAT32   ' : 'FAT16   ', rest + 18, 'latin1');
  // A machine that starts this sector stops: hlt, and again.
  boot.set([0xf4, 0xeb, 0xfd], rest + 26);
  boot.writeUInt16LE(0xaa55, 510);
  if (!wide) return [[0, boot]];

  const information = Buffer.alloc(512);
  information.write('RRaA', 0, 'latin1');
  information.write('rrAa', 484, 'latin1');
  information.writeUInt32LE(geometry.clusters - (next - 2), 488);
  information.writeUInt32LE(next - 2 < geometry.clusters ? next : 2, 492);
  information.writeUInt16LE(0xaa55, 510);
  return [
    [0, boot],
    [1, information],
    [6, boot],
    [7, information],
  ];
}

function labelText(label: string): string {
  return label.toUpperCase().slice(0, 11).padEnd(11);
}

/** The used part of the table; what follows is zeros. */
function allocationTable({ bits }: Geometry, stretches: readonly Stretch[]): Buffer {
  const width = bits / 8;
  const last = stretches.at(-1);
  const bytes = Buffer.alloc((last ? last.first + last.clusters : 2) * width);
  const end = bits === 32 ? 0x0fffffff : 0xffff;
  const set = (cluster: number, value: number) =>
    bits === 32 ? bytes.writeUInt32LE(value, cluster * width) : bytes.writeUInt16LE(value, cluster * width);
  set(0, bits === 32 ? 0x0ffffff8 : 0xfff8);
  set(1, end);
  for (const { first, clusters } of stretches) {
    for (let cluster = first; cluster < first + clusters - 1; cluster++) set(cluster, cluster + 1);
    set(first + clusters - 1, end);
  }
  return bytes;
}

function directoryBytes(directory: PlacedDirectory, stamp: number, label: string): Buffer {
  const { parent } = directory;
  const own = parent
    ? [
        entry('.'.padEnd(11), DIRECTORY, directory.first, 0, stamp),
        // The root is cluster 0 here, wherever it is.
        entry('..'.padEnd(11), DIRECTORY, parent.parent ? parent.first : 0, 0, stamp),
      ]
    : [entry(labelText(label), LABEL, 0, 0, stamp)];
  const children = directory.children.flatMap(child => {
    const isFile = 'node' in child;
    const name = child.name ?? { short: ''.padEnd(11) };
    const size = isFile ? sizeOf(child.node.content) : 0;
    return [longNameEntries(name), entry(name.short, isFile ? ARCHIVE : DIRECTORY, child.first, size, stamp)];
  });
  return Buffer.concat([...own, ...children]);
}

function entry(name: string, attributes: number, first: number, size: number, stamp: number): Buffer {
  const bytes = Buffer.alloc(ENTRY);
  bytes.write(name, 0, 'latin1');
  bytes.writeUInt8(attributes, 11);
  bytes.writeUInt32LE(stamp, 14);
  bytes.writeUInt16LE(stamp >>> 16, 18);
  bytes.writeUInt16LE(first >>> 16, 20);
  bytes.writeUInt32LE(stamp, 22);
  bytes.writeUInt16LE(first & 0xffff, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
}

/** Date and time as FAT has them, in UTC, the date in the upper half: years from 1980 to 2107, every other second. */
function timeStamp(seconds: number): number {
  const from = Date.UTC(1980, 0, 1);
  const to = Date.UTC(2107, 11, 31, 23, 59, 58);
  const time = new Date(Math.min(Math.max(seconds * 1000, from), to));
  const date = ((time.getUTCFullYear() - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate();
  const clock = (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1);
  return ((date << 16) | clock) >>> 0;
}

function writeContent(fd: number, content: FileContent, start: number): void {
  let offset = start;
  for (const bytes of readContent(content)) {
    writePieces(fd, [{ offset, bytes }]);
    offset += bytes.length;
  }
}
