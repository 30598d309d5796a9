/**
 * Fills an ext4 that mke2fs has made empty. All places are given out first; then everything is written that says what is
 * where, and at last the content of files in ascending order: nothing that is written is changed afterwards.
 */
import { constants, fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type ByteString, splitLast } from '../../layers/index.ts';
import { AT_FDCWD, FileDescriptor, openAt } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { MIB } from '../pieces.ts';
import { attributesOf, signAttributes } from './ext-attributes.ts';
import { directoryBlocks, type ExtName, type NameForm, nameBlocks } from './ext-directory.ts';
import { addMapping, extentBlocks, extentTree, MAP, type Mapping } from './ext-extents.ts';
import { type Extent, ExtGroups } from './ext-groups.ts';
import { attributeRoom, inodeBytes } from './ext-inode.ts';
import { blocksOf, namesIn } from './ext-names.ts';
import { COMPATIBLE, type ExtVolume, INCOMPATIBLE, READ_ONLY, ROOT } from './ext-volume.ts';
import { Gatherer } from './gatherer.ts';
import { nameOf, openSource, readSource, type SourceInode, type SourceTree } from './source-tree.ts';

const LOST: ByteString = 'lost+found';
/** Of a file, holes included. */
const MOST_BLOCKS = 2 ** 32 - 1;
/** Longer targets of links have a block. */
const LONGEST_INSIDE = MAP - 1;

const all = (features: Readonly<Record<string, number>>) =>
  Object.values(features).reduce((sum, feature) => sum | feature, 0);
const { types, extents, wide, flexibleGroups, seed } = INCOMPATIBLE;
const NEEDED = { compatible: COMPATIBLE.attributes, incompatible: extents, readOnly: READ_ONLY.largeFiles };
const KNOWN = {
  compatible: all(COMPATIBLE),
  incompatible: all({ types, extents, wide, flexibleGroups, seed }),
  readOnly: all(READ_ONLY),
};

/** Whether a file system is in a form that is written here. */
export function canFill(volume: ExtVolume): boolean {
  return (['compatible', 'incompatible', 'readOnly'] as const).every(
    kind => (volume[kind] & NEEDED[kind]) === NEEDED[kind] && (volume[kind] & ~KNOWN[kind]) === 0,
  );
}

export interface Filling {
  readonly tree: SourceTree;
  /** What stands for something else becomes it. */
  readonly real: (inode: SourceInode) => SourceInode;
  /** When all inodes are made: seconds since 1970. */
  readonly made: number;
  /** Told up to which offset everything stays as it is. */
  readonly settled: (end: number) => void;
  readonly signal: AbortSignal;
}

/** Throws NoRoom when the tree does not fit. */
export async function fillExt(volume: ExtVolume, filling: Filling): Promise<void> {
  await new Filler(volume, filling).fill();
}

/** Bytes after which others have their turn, those who want it stopped among them. */
const AT_ONCE = 16 * MIB;
const INODES_AT_ONCE = 4096;

/** An inode and its places. */
interface Planned {
  readonly source: SourceInode;
  readonly number: number;
  /** Of a directory, besides the two that all have. */
  readonly names: readonly ExtName[];
  readonly mappings: Mapping[];
  /** What tells of more pieces than an inode can. */
  tables: readonly number[];
  readonly attributeBlock: number | undefined;
}

class Filler {
  readonly #volume: ExtVolume;
  readonly #filling: Filling;
  readonly #groups: ExtGroups;
  readonly #form: NameForm;
  /** The directory for what e2fsck finds: it is there, and becomes that of the tree. */
  readonly #lost: number;
  readonly #numbers = new Map<SourceInode, number>();
  readonly #directories = new Map<ByteString, number>();

  constructor(volume: ExtVolume, filling: Filling) {
    this.#volume = volume;
    this.#filling = filling;
    this.#groups = new ExtGroups(volume);
    this.#form = {
      blockSize: volume.blockSize,
      types: (volume.incompatible & INCOMPATIBLE.types) !== 0,
      checksums: volume.seed !== undefined,
    };
    const lost = namesIn(volume, ROOT).get(LOST);
    if (lost === undefined) throw new AshlarError('mke2fs has made no lost+found');
    this.#lost = lost.inode;
  }

  async fill(): Promise<void> {
    const planned = this.#plan();
    const inodes = new Gatherer((bytes, at) => this.#volume.write(bytes, at));
    const blocks = new Gatherer((bytes, at) => this.#volume.write(bytes, at));
    for (const [i, one] of planned.entries()) {
      if (i % INODES_AT_ONCE === 0) await this.#pause();
      this.#writeInode(one, inodes, blocks);
    }
    inodes.flush();
    blocks.flush();
    this.#groups.finish();
    await this.#writeContent(planned);
  }

  async #pause(): Promise<void> {
    await setImmediate();
    this.#filling.signal.throwIfAborted();
  }

  #plan(): readonly Planned[] {
    const { tree, real } = this.#filling;
    this.#numberInodes();
    const planned = tree.inodes.map(inode => this.#planMetadata(real(inode), this.#number(inode)));
    for (const one of planned) if (one.source.type === 'file') this.#planContent(one);
    return planned;
  }

  #numberInodes(): void {
    const { tree } = this.#filling;
    const own = tree.directories.get('')?.find(({ name }) => name === LOST)?.inode;
    if (own !== undefined && own.type !== 'directory')
      throw new AshlarError(`${nameOf(LOST)} is no directory, as it is in every ext4`);
    for (const inode of tree.inodes) {
      const isThere = inode === tree.root || inode === own;
      const there = inode === tree.root ? ROOT : this.#lost;
      const isDirectory = inode.type === 'directory';
      const number = isThere ? there : this.#groups.takeInode(isDirectory);
      this.#numbers.set(inode, number);
      if (isDirectory) this.#directories.set(inode.path, number);
    }
  }

  #number(inode: SourceInode): number {
    const number = this.#numbers.get(inode);
    if (number === undefined) throw new AshlarError(`${nameOf(inode.path)} has no number`);
    return number;
  }

  #planMetadata(source: SourceInode, number: number): Planned {
    const names = source.type === 'directory' ? this.#namesOf(source) : [];
    const mappings: Mapping[] = [];
    if (source.type === 'directory') {
      const there = number === ROOT || number === this.#lost ? [...blocksOf(this.#volume, number)] : [];
      for (const [i, block] of there.entries()) addMapping(mappings, i, { block, count: 1 });
      const needed = nameBlocks(
        names.map(({ name }) => name),
        this.#form,
      );
      this.#map(mappings, there.length, needed - there.length);
    }
    if (source.type === 'symlink') this.#map(mappings, 0, this.#linkBlocks(source));
    const { block } = this.#attributes(source);
    const attributeBlock = block && this.#groups.takeBlocks(1)[0]?.block;
    const planned = { source, number, names, mappings, attributeBlock, tables: [] };
    this.#planTables(planned);
    return planned;
  }

  #namesOf({ path }: SourceInode): readonly ExtName[] {
    const { tree, real } = this.#filling;
    const names = (tree.directories.get(path) ?? []).map(({ name, inode }) => ({
      ...{ name, inode: this.#number(inode), type: real(inode).type },
    }));
    return path === '' && !names.some(({ name }) => name === LOST)
      ? [{ name: LOST, inode: this.#lost, type: 'directory' }, ...names]
      : names;
  }

  #linkBlocks({ link, path }: SourceInode): number {
    const { blockSize } = this.#volume;
    if (link.length >= blockSize) {
      const small = `an ext4 with blocks of ${blockSize} bytes`;
      throw new AshlarError(`the target of the link ${nameOf(path)} is too long for ${small}`);
    }
    return link.length > LONGEST_INSIDE ? 1 : 0;
  }

  #attributes({ xattrs, path }: SourceInode) {
    const { inodeSize, blockSize } = this.#volume;
    return attributesOf(xattrs, attributeRoom(inodeSize), blockSize, path);
  }

  #planContent(planned: Planned): void {
    const { size, data = [{ start: 0, end: size }], path } = planned.source;
    const { blockSize } = this.#volume;
    if (size > MOST_BLOCKS * blockSize) throw new AshlarError(`${nameOf(path)} is too large for an ext4`);
    for (const { start, end } of data) {
      const first = start / blockSize;
      this.#map(planned.mappings, first, Math.ceil(end / blockSize) - first);
    }
    this.#planTables(planned);
  }

  #map(mappings: Mapping[], from: number, count: number): void {
    let offset = from;
    for (const extent of count > 0 ? this.#groups.takeBlocks(count) : []) {
      addMapping(mappings, offset, extent);
      offset += extent.count;
    }
  }

  #planTables(planned: Planned): void {
    const count = extentBlocks(planned.mappings.length, this.#volume.blockSize);
    planned.tables = count > 0 ? [...eachBlock(this.#groups.takeBlocks(count))] : [];
  }

  #writeInode(planned: Planned, inodes: Gatherer, blocks: Gatherer): void {
    const { source, number, mappings, attributeBlock, tables, names } = planned;
    const { blockSize } = this.#volume;
    const { inside, block: attributes } = this.#attributes(source);
    const seed = this.#volume.seedOfInode(number, 0);
    if (attributes && attributeBlock !== undefined) {
      signAttributes(attributes, attributeBlock, this.#volume.seed);
      blocks.put(attributes, attributeBlock * blockSize);
    }
    if (source.type === 'directory') this.#writeNames(planned, blocks, seed);
    const isLink = source.type === 'symlink';
    if (isLink && mappings.length > 0) {
      const target = Buffer.alloc(blockSize);
      target.write(source.link, 'latin1');
      for (const block of eachBlock(mappings)) blocks.put(target, block * blockSize);
    }
    const hasExtents = source.type === 'file' || source.type === 'directory' || mappings.length > 0;
    const tree = extentTree(mappings, tables, blockSize, seed);
    for (const { block, bytes } of tree.blocks) blocks.put(bytes, block * blockSize);
    const content = mappings.reduce((sum, { count }) => sum + count, 0);
    const bytes = inodeBytes(
      this.#volume,
      source,
      {
        links:
          source.type === 'directory'
            ? 2 + names.filter(({ type }) => type === 'directory').length
            : source.names,
        size: isLink ? source.link.length : source.type === 'directory' ? content * blockSize : source.size,
        blocks: content + tables.length + (attributeBlock === undefined ? 0 : 1),
        map: hasExtents ? tree.map : Buffer.from(source.link, 'latin1'),
        ...{ hasExtents, inside, attributeBlock },
      },
      BigInt(this.#filling.made) * 1_000_000_000n,
    );
    this.#volume.signInode(number, bytes);
    inodes.put(bytes, this.#volume.placeOfInode(number));
  }

  #writeNames(
    { source, number, names, mappings }: Planned,
    blocks: Gatherer,
    seed: number | undefined,
  ): void {
    const parent = source.path === '' ? ROOT : this.#directories.get(splitLast(source.path).parent);
    const dots: readonly ExtName[] = [
      { name: '.', inode: number, type: 'directory' },
      { name: '..', inode: parent ?? ROOT, type: 'directory' },
    ];
    const places = [...eachBlock(mappings)];
    const written = directoryBlocks([...dots, ...names], this.#form, places.length, seed);
    let i = 0;
    for (const bytes of written) blocks.put(bytes, (places[i++] ?? 0) * this.#volume.blockSize);
  }

  async #writeContent(planned: readonly Planned[]): Promise<void> {
    const { tree, settled } = this.#filling;
    const { blockSize } = this.#volume;
    using root = new FileDescriptor(
      openAt(AT_FDCWD, tree.directory, constants.O_RDONLY | constants.O_DIRECTORY),
    );
    let since = 0;
    const content = new Gatherer((bytes, at) => {
      this.#volume.write(bytes, at);
      settled(at + bytes.length);
      since += bytes.length;
    });
    for (const { source, mappings } of planned) {
      if (source.type !== 'file' || source.size === 0) continue;
      using file = openSource(root.fd, source.path);
      if (fstatSync(file.fd).size !== source.size)
        throw new AshlarError(`${nameOf(source.path)} changed while it was read`);
      for (const { offset, block, count } of mappings) {
        for (let done = 0; done < count * blockSize; ) {
          const room = content.next(block * blockSize + done, count * blockSize - done);
          readSource(file.fd, room, offset * blockSize + done, source);
          done += room.length;
          if (since < AT_ONCE) continue;
          since = 0;
          await this.#pause();
        }
      }
    }
    content.flush();
  }
}

function* eachBlock(extents: readonly Extent[]): Generator<number> {
  for (const { block, count } of extents) for (let i = 0; i < count; i++) yield block + i;
}
