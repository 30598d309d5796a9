/** Extended attributes of xfs: in the inode, in a block of their own, or their values in further blocks. */
import type { ByteString, Xattr } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { readAcl } from './posix-acl.ts';
import { nameOf } from './source-tree.ts';
import { hashOf } from './xfs-directory.ts';
import type { XfsImage } from './xfs-groups.ts';
import { XFS_BLOCK } from './xfs-trees.ts';

/** Their name spaces; those of users have none. */
const ROOT = 2;
const SECURE = 4;
const LOCAL = 1;

interface Attribute {
  readonly name: ByteString;
  readonly space: number;
  readonly value: Buffer;
}

export type XfsAttributes =
  | { readonly form: 'none' }
  | { readonly form: 'local'; readonly bytes: Buffer }
  /** Blocks from the beginning of the fork on, with the places of their checksums. */
  | { readonly form: 'blocks'; readonly blocks: readonly AttributeBlock[] };

interface AttributeBlock {
  readonly sign: (block: number) => Buffer;
  readonly checksum: number;
}

/** Most bytes that attributes take of an inode. */
export const MOST_LOCAL = 160;
const LEAF = { header: 80, checksum: 12 } as const;
const REMOTE = { header: 56, checksum: 12, magic: 0x5841524d } as const;
const MAGIC_LEAF = 0x3bee;
const LARGEST_LOCAL = (XFS_BLOCK * 3) / 4;

export function attributesOf(
  image: XfsImage,
  owner: number,
  xattrs: readonly Xattr[],
  path: ByteString,
): XfsAttributes {
  if (xattrs.length === 0) return { form: 'none' };
  const attributes = xattrs.map(xattr => toAttribute(xattr, path));
  const short = 4 + attributes.reduce((sum, { name, value }) => sum + 3 + name.length + value.length, 0);
  if (short <= MOST_LOCAL && attributes.every(({ value }) => value.length < 256)) {
    return { form: 'local', bytes: shortForm(attributes, short) };
  }
  return { form: 'blocks', blocks: new LeafBuilder(image, owner, attributes, path).blocks() };
}

function toAttribute({ name, value }: Xattr, path: ByteString): Attribute {
  const bytes = Buffer.from(value);
  if (name === 'system.posix_acl_access') return { name: 'SGI_ACL_FILE', space: ROOT, value: toAcl(bytes) };
  if (name === 'system.posix_acl_default')
    return { name: 'SGI_ACL_DEFAULT', space: ROOT, value: toAcl(bytes) };
  const [, space = '', rest = ''] = /^(user|trusted|security)\.(.+)$/s.exec(name) ?? [];
  if (rest === '')
    throw new AshlarError(`xfs cannot hold the attribute ${JSON.stringify(name)} of ${nameOf(path)}`);
  return { name: rest, space: space === 'user' ? 0 : space === 'trusted' ? ROOT : SECURE, value: bytes };
}

/** A count, and three numbers of each entry. */
function toAcl(value: Buffer): Buffer {
  const entries = readAcl(value);
  const acl = Buffer.alloc(4 + entries.length * 12);
  acl.writeUInt32BE(entries.length, 0);
  for (const [i, { tag, permissions, id }] of entries.entries()) {
    acl.writeUInt32BE(tag, 4 + i * 12);
    acl.writeUInt32BE(id, 4 + i * 12 + 4);
    acl.writeUInt16BE(permissions, 4 + i * 12 + 8);
  }
  return acl;
}

function shortForm(attributes: readonly Attribute[], length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16BE(length, 0);
  bytes.writeUInt8(attributes.length, 2);
  let at = 4;
  for (const { name, space, value } of attributes) {
    bytes.writeUInt8(name.length, at);
    bytes.writeUInt8(value.length, at + 1);
    bytes.writeUInt8(space, at + 2);
    bytes.write(name, at + 3, 'latin1');
    value.copy(bytes, at + 3 + name.length);
    at += 3 + name.length + value.length;
  }
  return bytes;
}

/** One block of names, with the values that it has room for; the others follow it. */
class LeafBuilder {
  readonly #image: XfsImage;
  readonly #owner: number;
  readonly #attributes: readonly Attribute[];
  readonly #path: ByteString;

  constructor(image: XfsImage, owner: number, attributes: readonly Attribute[], path: ByteString) {
    this.#image = image;
    this.#owner = owner;
    this.#attributes = attributes.toSorted((a, b) => hashOf(a.name) - hashOf(b.name));
    this.#path = path;
  }

  blocks(): readonly AttributeBlock[] {
    const remote = this.#chooseRemote();
    const leaf = Buffer.alloc(XFS_BLOCK);
    const values: AttributeBlock[] = [];
    let [used, end] = [0, XFS_BLOCK];
    for (const [i, attribute] of this.#attributes.entries()) {
      const isRemote = remote.has(attribute);
      const size = isRemote ? remoteSize(attribute) : localSize(attribute);
      end -= size;
      used += size;
      const at = LEAF.header + i * 8;
      leaf.writeUInt32BE(hashOf(attribute.name), at);
      leaf.writeUInt16BE(end, at + 4);
      leaf.writeUInt8(attribute.space | (isRemote ? 0 : LOCAL), at + 6);
      if (isRemote) {
        leaf.writeUInt32BE(1 + values.length, end);
        leaf.writeUInt32BE(attribute.value.length, end + 4);
        leaf.writeUInt8(attribute.name.length, end + 8);
        leaf.write(attribute.name, end + 9, 'latin1');
        values.push(...this.#valueBlocks(attribute.value));
      } else {
        leaf.writeUInt16BE(attribute.value.length, end);
        leaf.writeUInt8(attribute.name.length, end + 2);
        leaf.write(attribute.name, end + 3, 'latin1');
        attribute.value.copy(leaf, end + 3 + attribute.name.length);
      }
    }
    const start = LEAF.header + this.#attributes.length * 8;
    leaf.writeUInt16BE(MAGIC_LEAF, 8);
    leaf.writeUInt16BE(this.#attributes.length, 56);
    leaf.writeUInt16BE(used, 58);
    leaf.writeUInt16BE(end, 60);
    leaf.writeUInt16BE(start, 64);
    leaf.writeUInt16BE(end - start, 66);
    const sign = (block: number) => {
      leaf.writeBigUInt64BE(this.#image.sectorOf(block), 16);
      this.#image.uuid.copy(leaf, 32);
      leaf.writeBigUInt64BE(BigInt(this.#owner), 48);
      return leaf;
    };
    return [{ sign, checksum: LEAF.checksum }, ...values];
  }

  /** Values that are too large, and then the largest of the others, until the rest has room. */
  #chooseRemote(): ReadonlySet<Attribute> {
    const remote = new Set(this.#attributes.filter(attribute => localSize(attribute) > LARGEST_LOCAL));
    const bySize = this.#attributes.toSorted((a, b) => b.value.length - a.value.length);
    const sizeOf = (attribute: Attribute) =>
      8 + (remote.has(attribute) ? remoteSize(attribute) : localSize(attribute));
    const total = () => this.#attributes.map(sizeOf).reduce((sum, size) => sum + size, LEAF.header);
    for (const attribute of bySize) {
      if (total() <= XFS_BLOCK) break;
      remote.add(attribute);
    }
    if (total() > XFS_BLOCK)
      throw new AshlarError(`${nameOf(this.#path)} has too many attributes for an xfs`);
    return remote;
  }

  #valueBlocks(value: Buffer): readonly AttributeBlock[] {
    const perBlock = XFS_BLOCK - REMOTE.header;
    return Array.from({ length: Math.ceil(value.length / perBlock) }, (_, i) => {
      const part = value.subarray(i * perBlock, (i + 1) * perBlock);
      const sign = (block: number) => {
        const bytes = Buffer.alloc(XFS_BLOCK);
        bytes.writeUInt32BE(REMOTE.magic, 0);
        bytes.writeUInt32BE(i * perBlock, 4);
        bytes.writeUInt32BE(part.length, 8);
        this.#image.uuid.copy(bytes, 16);
        bytes.writeBigUInt64BE(BigInt(this.#owner), 32);
        bytes.writeBigUInt64BE(this.#image.sectorOf(block), 40);
        // These blocks are never in the log.
        bytes.writeBigInt64BE(-1n, 48);
        part.copy(bytes, REMOTE.header);
        return bytes;
      };
      return { sign, checksum: REMOTE.checksum };
    });
  }
}

function localSize({ name, value }: Attribute): number {
  return Math.ceil((3 + name.length + value.length) / 4) * 4;
}

function remoteSize({ name }: Attribute): number {
  return Math.ceil((9 + name.length) / 4) * 4;
}
