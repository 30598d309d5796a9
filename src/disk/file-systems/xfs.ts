/**
 * xfs: mkfs.xfs makes it empty, and everything in it is written by our own hand. Its protofiles lose attributes, links
 * and times, a mount needs root, and a machine that mounts it needs half a minute.
 */
import { constants, fstatSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, splitLast } from '../../layers/index.ts';
import { AT_FDCWD, FileDescriptor, openAt } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { alignDown, alignUp, createSparse, MIB } from '../pieces.ts';
import type { FileSystemRequest, SizeRequest } from '../request.ts';
import { copyInto } from './copy-into.ts';
import { withDevices } from './devices.ts';
import { PIECE } from './gatherer.ts';
import { asWords, readOptions } from './options.ts';
import { runTool } from './program.ts';
import {
  nameOf,
  openSource,
  readSource,
  type SourceInode,
  type SourceTree,
  type Stretch,
} from './source-tree.ts';
import { attributesOf } from './xfs-attributes.ts';
import { directoryOf } from './xfs-directory.ts';
import { type Extent, XfsImage } from './xfs-groups.ts';
import { InodeWriter, leavesOf, type Mapping, type XfsData } from './xfs-inode.ts';
import { XFS_BLOCK } from './xfs-trees.ts';

const KNOWN = { withValue: 'bdilmns', alone: 'K' };
const MOST_LABEL = 12;
/** What long-lived boot loaders and kernels read; reverse mappings would be one more tree to write. */
const FEATURES = 'crc=1,finobt=1,rmapbt=0,reflink=1,bigtime=1,inobtcount=1';

export async function makeXfs(request: FileSystemRequest, tree: SourceTree): Promise<void> {
  const { tree: directory, file, offset, size, scratch, devices, epoch, signal } = request;
  const image = join(scratch, 'xfs.img');
  try {
    await mkfs(request, image, size);
    using open = new FileDescriptor(openSync(image, constants.O_RDWR));
    using root = new FileDescriptor(openAt(AT_FDCWD, directory, constants.O_RDONLY | constants.O_DIRECTORY));
    const standIns = new Map(devices.map(device => [device.path, device]));
    const filler = new Filler(new XfsImage(open.fd), root.fd, epoch, signal);
    filler.fill(tree, inode => withDevices(inode, standIns));
    copyInto(image, file, offset);
  } finally {
    rmSync(image, { force: true });
  }
  request.say('xfs by mkfs.xfs, filled without mounting');
}

async function mkfs(
  { fileSystem, uuid, signal }: Pick<FileSystemRequest, 'fileSystem' | 'uuid' | 'signal'>,
  image: string,
  size: number,
): Promise<void> {
  const { label, createOptions } = fileSystem;
  if (Buffer.byteLength(label) > MOST_LABEL) {
    throw new AshlarError(`the label ${JSON.stringify(label)} is longer than the ${MOST_LABEL} bytes of xfs`);
  }
  const given = readOptions('mkfs.xfs', createOptions, KNOWN);
  const bad = given.find(
    ([option, value]) =>
      /\b(?:file|name|logdev|rtdev)\b/.test(value ?? '') ||
      (option === '-d' && keysOf(value).includes('size')),
  );
  if (bad) throw new AshlarError(`the option ${bad.join(' ')} of mkfs.xfs cannot be used here`);
  const chosen = new Set(given.flatMap(([option, value]) => (option === '-m' ? keysOf(value) : [])));
  const features = FEATURES.split(',').filter(word => !keysOf(word).some(key => chosen.has(key)));
  const sectors = given.some(([option]) => option === '-s') ? [] : ['-s', `size=${USUAL_SECTOR}`];
  rmSync(image, { force: true });
  createSparse(image, alignDown(size, XFS_BLOCK));
  await runTool(
    'mkfs.xfs',
    [
      ...['-q', '-f', '-L', label, '-m', [...features, `uuid=${uuid}`].join(',')],
      ...[...sectors, ...asWords(given), image],
    ],
    { signal },
  );
}

/** Disks with sectors of 512 bytes take these, too. */
const USUAL_SECTOR = 4096;

/** Bytes of a sector, with such options for mkfs.xfs. */
export function xfsSectorSize(createOptions: readonly string[]): number {
  const given = readOptions('mkfs.xfs', createOptions, KNOWN).find(([option]) => option === '-s');
  if (!given) return USUAL_SECTOR;
  const [, number, unit] = /^size=(\d+)(k?)$/.exec(given[1] ?? '') ?? [];
  return Number(number ?? 0) * (unit === 'k' ? 1024 : 1);
}

function keysOf(words = ''): readonly string[] {
  return words.split(',').map(word => word.split('=')[0] ?? '');
}

/** Pieces of a file that an inode and its blocks of pointers can tell of, whatever attributes it has. */
const MOST_PIECES = 2000;

class Filler {
  readonly #image: XfsImage;
  readonly #root: number;
  readonly #signal: AbortSignal;
  readonly #writer: InodeWriter;
  readonly #numbers = new Map<SourceInode, number>();
  readonly #buffer = Buffer.alloc(PIECE);

  constructor(image: XfsImage, root: number, epoch: number, signal: AbortSignal) {
    this.#image = image;
    this.#root = root;
    this.#signal = signal;
    this.#writer = new InodeWriter(image, BigInt(epoch) * 1_000_000_000n);
  }

  fill(tree: SourceTree, real: (inode: SourceInode) => SourceInode): void {
    const others = tree.inodes.filter(inode => inode !== tree.root);
    const numbers = this.#image.takeInodes(others.length);
    this.#numbers.set(tree.root, this.#image.root);
    for (const [i, inode] of others.entries()) this.#numbers.set(inode, numbers[i] ?? 0);
    const directories = new Map<ByteString, number>(
      tree.inodes.flatMap(inode => (inode.type === 'directory' ? [[inode.path, this.#number(inode)]] : [])),
    );
    const parentOf = (path: ByteString) => directories.get(splitLast(path).parent) ?? this.#image.root;
    for (const inode of tree.inodes) {
      this.#signal.throwIfAborted();
      if (inode.type === 'directory') this.#directory(tree, inode, parentOf(inode.path), real);
      else this.#other(real(inode), this.#number(inode));
    }
    for (const number of this.#image.realtime) this.#writer.writeTimes(number);
    for (const number of this.#image.freeInodes()) this.#writer.writeFree(number);
    this.#image.finish();
  }

  #number(inode: SourceInode): number {
    const number = this.#numbers.get(inode);
    if (number === undefined) throw new AshlarError(`${nameOf(inode.path)} has no number`);
    return number;
  }

  #directory(
    tree: SourceTree,
    inode: SourceInode,
    parent: number,
    real: (inode: SourceInode) => SourceInode,
  ): void {
    const number = this.#number(inode);
    const entries = tree.directories.get(inode.path) ?? [];
    const names = entries.map(({ name, inode: named }) => ({
      ...{ name, inode: this.#number(named), type: real(named).type },
    }));
    const attributes = attributesOf(this.#image, number, inode.xattrs, inode.path);
    const made = directoryOf(this.#image, number, parent, names, this.#writer.dataRoom(attributes));
    const links = 2 + entries.filter(({ inode: { type } }) => type === 'directory').length;
    if (made.form === 'local') {
      this.#writer.write(number, inode, links, attributes, { kind: 'local', bytes: made.bytes });
      return;
    }
    const mappings: Mapping[] = [];
    for (const { offset, sign, checksum } of made.blocks) {
      const block = this.#image.takeBlock();
      this.#image.writeSigned(sign(block), this.#image.placeOf(block), checksum);
      addMapping(mappings, offset, { block, count: 1 });
    }
    this.#writer.write(number, inode, links, attributes, { kind: 'blocks', mappings, size: made.size });
  }

  #other(inode: SourceInode, number: number): void {
    const attributes = attributesOf(this.#image, number, inode.xattrs, inode.path);
    const data = this.#data(inode, number, this.#writer.dataRoom(attributes));
    this.#writer.write(number, inode, inode.names, attributes, data);
  }

  #data(inode: SourceInode, number: number, room: number): XfsData {
    switch (inode.type) {
      case 'symlink': {
        const target = Buffer.from(inode.link, 'latin1');
        if (target.length <= room) return { kind: 'local', bytes: target };
        const block = this.#writer.writeLongLink(number, target, nameOf(inode.path));
        return { kind: 'blocks', mappings: [{ offset: 0, block, count: 1 }], size: target.length };
      }
      case 'file':
        return { kind: 'blocks', mappings: this.#content(inode), size: inode.size };
      default:
        return { kind: 'device' };
    }
  }

  #content(inode: SourceInode): readonly Mapping[] {
    const { path, size } = inode;
    if (size === 0) return [];
    using source = openSource(this.#root, path);
    if (fstatSync(source.fd).size !== size)
      throw new AshlarError(`${nameOf(path)} changed while it was read`);
    const mappings: Mapping[] = [];
    for (const { start, end } of stretchesOf(inode)) {
      const extents = this.#image.takeBlocks((end - start) / XFS_BLOCK);
      let at = start;
      for (const extent of extents) {
        addMapping(mappings, at / XFS_BLOCK, extent);
        const place = this.#image.placeOf(extent.block);
        const length = extent.count * XFS_BLOCK;
        for (let done = 0; done < length; ) {
          const piece = this.#buffer.subarray(0, length - done);
          readSource(source.fd, piece, at + done, inode);
          this.#image.write(piece, place + done);
          done += piece.length;
        }
        at += length;
      }
    }
    return mappings;
  }
}

/** Goes on with the last piece where both ends meet. */
function addMapping(mappings: Mapping[], offset: number, { block, count }: Extent): void {
  const last = mappings.at(-1);
  const joins =
    last !== undefined &&
    last.offset + last.count === offset &&
    last.block + last.count === block &&
    last.count + count < 2 ** 21;
  if (joins) mappings.splice(-1, 1, { ...last, count: last.count + count });
  else mappings.push({ offset, block, count });
}

/** The stretches of a file, in whole blocks; of many small holes those are left that are larger. */
function stretchesOf({ size, data = [{ start: 0, end: size }] }: SourceInode): readonly Stretch[] {
  let stretches: readonly Stretch[] = data.map(({ start, end }) => ({ start, end: alignUp(end, XFS_BLOCK) }));
  for (let hole = XFS_BLOCK; stretches.length > MOST_PIECES; hole *= 2)
    stretches = withoutHoles(stretches, hole);
  return stretches;
}

function withoutHoles(stretches: readonly Stretch[], upTo: number): readonly Stretch[] {
  const kept: Stretch[] = [];
  for (const stretch of stretches) {
    const last = kept.at(-1);
    if (last !== undefined && stretch.start - last.end <= upTo)
      kept.splice(-1, 1, { ...last, end: stretch.end });
    else kept.push(stretch);
  }
  return kept;
}

/** mkfs.xfs refuses smaller ones. */
const SMALLEST = 300 * MIB;

/** The least size, in bytes, that holds a tree: what an empty file system has room for is asked of mkfs.xfs itself. */
export async function leastXfsSize(
  request: Pick<SizeRequest, 'fileSystem' | 'tree' | 'scratch' | 'signal' | 'without'>,
  tree: SourceTree,
): Promise<number> {
  const trial = join(request.scratch, 'empty.img');
  try {
    for (let size = Math.max(SMALLEST, alignUp(measureXfs(tree, USUAL_INODE) * XFS_BLOCK, MIB)); ; ) {
      await mkfs({ ...request, uuid: '00000000-0000-4000-8000-000000000000' }, trial, size);
      using file = new FileDescriptor(openSync(trial, constants.O_RDONLY));
      const image = new XfsImage(file.fd);
      const lacking = measureXfs(tree, image.inodeSize) - image.room();
      if (lacking <= 0) return size;
      size += alignUp(lacking * XFS_BLOCK, MIB);
    }
  } finally {
    rmSync(trial, { force: true });
  }
}

const USUAL_INODE = 512;

/** Blocks that a tree takes, with inodes of so many bytes. Never too few. */
export function measureXfs(tree: SourceTree, inodeSize: number): number {
  // Chunks of 64 inodes, and what lies between them; trees of chunks.
  const chunks = Math.ceil(tree.inodes.length / 64);
  let blocks = 1024 + (chunks * 64 * inodeSize) / XFS_BLOCK;
  blocks += Math.ceil(chunks / 100) * 2;
  for (const inode of tree.inodes) {
    const { type, link, xattrs } = inode;
    if (type === 'file') {
      const pieces = stretchesOf(inode);
      for (const { start, end } of pieces) blocks += (end - start) / XFS_BLOCK;
      blocks += leavesOf(pieces.length, inodeSize, xattrs.length > 0);
    }
    if (type === 'symlink' && link.length > 100) blocks += 1;
    if (xattrs.length > 0) blocks += 1;
    for (const { value } of xattrs) blocks += Math.ceil(value.length / 4000);
  }
  for (const entries of tree.directories.values()) {
    const bytes = entries.reduce((sum, { name }) => sum + name.length + 20, 0);
    // A block is left when a name does not fit into its rest.
    if (bytes > 100)
      blocks += Math.ceil(bytes / (XFS_BLOCK - 64 - 272)) + Math.ceil(entries.length / 500) + 3;
  }
  return blocks;
}
