/** Inodes of ext2, ext3 and ext4. */
import { TYPE_BITS } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { TreeDevice } from './devices.ts';
import { MAP } from './ext-extents.ts';
import { CORE, type ExtVolume, HAS_EXTENTS, INODE, READ_ONLY } from './ext-volume.ts';
import { nameOf, type SourceInode } from './source-tree.ts';

/** Behind the core: where attributes begin. */
const EXTRA = 32;
const MOST_LINKS = 65_000;
const SECTOR = 512;

/** What an inode says besides the attributes of its source. */
export interface ExtContent {
  readonly links: number;
  /** Bytes. */
  readonly size: number;
  /** Blocks of content, of attributes, and of what tells where they are. */
  readonly blocks: number;
  /** The target of a link in the inode itself, or the root of a tree of extents. */
  readonly map: Buffer;
  readonly hasExtents: boolean;
  /** Attributes in the inode, and the block of others. */
  readonly inside: Buffer;
  readonly attributeBlock: number | undefined;
}

/** Bytes of an inode for attributes. */
export function attributeRoom(inodeSize: number): number {
  return Math.max(0, inodeSize - CORE - EXTRA);
}

/** An inode without its checksum. `made`: nanoseconds since 1970. */
export function inodeBytes(
  volume: ExtVolume,
  source: SourceInode,
  content: ExtContent,
  made: bigint,
): Buffer {
  const { inodeSize, blockSize } = volume;
  const bytes = Buffer.alloc(inodeSize);
  setOwner(bytes, source);
  bytes.writeUInt16LE(linksOf(volume, source, content.links), INODE.links);
  bytes.writeUInt32LE(content.size % 2 ** 32, INODE.size);
  bytes.writeUInt32LE(Math.floor(content.size / 2 ** 32), INODE.sizeHigh);
  const sectors = sectorsOf(volume, source, content.blocks * (blockSize / SECTOR));
  bytes.writeUInt32LE(sectors % 2 ** 32, INODE.blocks);
  bytes.writeUInt16LE(Math.floor(sectors / 2 ** 32), INODE.blocksHigh);
  if (content.hasExtents) bytes.writeUInt32LE(HAS_EXTENTS, INODE.flags);
  content.map.copy(bytes, INODE.map);
  if (content.attributeBlock !== undefined) {
    bytes.writeUInt32LE(content.attributeBlock % 2 ** 32, INODE.attributes);
    bytes.writeUInt16LE(Math.floor(content.attributeBlock / 2 ** 32), INODE.attributesHigh);
  }
  if (inodeSize > CORE) {
    bytes.writeUInt16LE(EXTRA, INODE.extra);
    const { low, high } = splitTime(made, true);
    bytes.writeInt32LE(low, INODE.made);
    bytes.writeUInt32LE(high, INODE.madeExtra);
    content.inside.copy(bytes, CORE + EXTRA);
  }
  setTimes(bytes, source.mtime);
  if (source.type === 'character' || source.type === 'block')
    setDevice(bytes, { ...source, type: source.type });
  return bytes;
}

function sectorsOf({ readOnly }: ExtVolume, { path }: SourceInode, sectors: number): number {
  if (sectors < 2 ** 32 || readOnly & READ_ONLY.hugeFiles) return sectors;
  throw new AshlarError(`${nameOf(path)} is too large for an ext4 without huge_file`);
}

function linksOf({ readOnly }: ExtVolume, { type, path }: SourceInode, links: number): number {
  if (links <= MOST_LINKS) return links;
  // Just one is said where there are more than can be counted. Kernels themselves do so for directories with an index
  // only; without one, as here, they and e2fsck take it as it is, and count on from there.
  if (type === 'directory' && readOnly & READ_ONLY.manyLinks) return 1;
  throw new AshlarError(
    type === 'directory'
      ? `${nameOf(path)} holds too many directories for this ext4`
      : `${nameOf(path)} has too many names for an ext4`,
  );
}

/** Type, mode and owner. */
export function setOwner(bytes: Buffer, { type, mode, uid, gid }: SourceInode): void {
  bytes.writeUInt16LE(TYPE_BITS[type] | mode, INODE.mode);
  bytes.writeUInt16LE(uid & 0xffff, INODE.uid);
  bytes.writeUInt16LE(gid & 0xffff, INODE.gid);
  bytes.writeUInt16LE(uid >>> 16, INODE.uidHigh);
  bytes.writeUInt16LE(gid >>> 16, INODE.gidHigh);
}

/** All times but that of the inode's making become that of its content; before 1901 and after 2446 the nearest. */
export function setTimes(bytes: Buffer, nanoseconds: bigint): void {
  const extra = bytes.length > CORE ? bytes.readUInt16LE(INODE.extra) : 0;
  const { low, high } = splitTime(nanoseconds, extra >= 16);
  for (const place of INODE.times) bytes.writeInt32LE(low, place);
  if (extra >= 16) for (const place of INODE.timesExtra) bytes.writeUInt32LE(high, place);
}

export function setDevice(bytes: Buffer, { path, type, major, minor }: TreeDevice): void {
  if (major >= 2 ** 12 || minor >= 2 ** 20)
    throw new AshlarError(`ext4 cannot hold the numbers of the device ${nameOf(path)}`);
  bytes.writeUInt16LE(TYPE_BITS[type] | (bytes.readUInt16LE(INODE.mode) & 0o7777), INODE.mode);
  bytes.fill(0, INODE.map, INODE.map + MAP);
  // Numbers of two bytes in the old place and form, all others in the next one.
  if (major < 256 && minor < 256) bytes.writeUInt32LE((major << 8) | minor, INODE.map);
  else bytes.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, INODE.map + 4);
}

const SECOND = 1_000_000_000n;

/** As ext4 stores it: 32 bits of seconds with a sign, then 2 bits above them and 30 of nanoseconds. */
function splitTime(time: bigint, wide: boolean): { readonly low: number; readonly high: number } {
  const [earliest, latest] = [-(2n ** 31n), wide ? 2n ** 31n + 3n * 2n ** 32n - 1n : 2n ** 31n - 1n];
  const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
  const exact = (time - nanoseconds) / SECOND;
  const seconds = exact < earliest ? earliest : exact > latest ? latest : exact;
  const low = BigInt.asIntN(32, seconds);
  const epoch = Number((seconds - low) >> 32n) & 3;
  return { low: Number(low), high: ((Number(nanoseconds) << 2) | epoch) >>> 0 };
}
