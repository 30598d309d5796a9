/** Extended attributes of ext4: in the inode, and in a block of their own what has no room there. */
import type { ByteString, Xattr } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { crc32cRaw } from '../crc32c.ts';
import { alignUp } from '../pieces.ts';
import { readAcl } from './posix-acl.ts';
import { nameOf } from './source-tree.ts';

export interface ExtAttributes {
  /** Empty where there are none. */
  readonly inside: Buffer;
  /** The bytes of the block. It lacks its checksum, which says where it is. */
  readonly block: Buffer | undefined;
}

interface Attribute {
  readonly space: number;
  readonly name: ByteString;
  readonly value: Buffer;
}

const MAGIC = 0xea020000;
const ENTRY = 16;
const HEADER = 32;
const END = 4;
/** Name spaces; those of ACLs are all of their names. */
const SPACES: Readonly<Record<string, number>> = { user: 1, trusted: 4, security: 6 };
const ACCESS = 2;
const DEFAULT = 3;
const AT = { hash: 0x0c, checksum: 0x10 } as const;
const NONE: ExtAttributes = { inside: Buffer.alloc(0), block: undefined };

/** `room`: bytes that the inode has for them. Throws an AshlarError that names the path when they are too many. */
export function attributesOf(
  xattrs: readonly Xattr[],
  room: number,
  blockSize: number,
  path: ByteString,
): ExtAttributes {
  if (xattrs.length === 0) return NONE;
  const sorted = xattrs.map(xattr => toAttribute(xattr, path)).sort(inOrder);
  const inside: Attribute[] = [];
  const others: Attribute[] = [];
  let [insideLeft, blockLeft] = [room - 4 - END, blockSize - HEADER - END];
  for (const attribute of sorted) {
    const size = sizeOf(attribute);
    if (size <= insideLeft) {
      insideLeft -= size;
      inside.push(attribute);
    } else {
      blockLeft -= size;
      others.push(attribute);
    }
  }
  if (blockLeft < 0) throw new AshlarError(`${nameOf(path)} has too many attributes for an ext4`);
  return {
    inside: inside.length > 0 ? insideBytes(inside, room) : NONE.inside,
    block: others.length > 0 ? blockBytes(others, blockSize) : undefined,
  };
}

/** Puts the checksum into a block of attributes. */
export function signAttributes(bytes: Buffer, block: number, seed: number | undefined): void {
  if (seed === undefined) return;
  const place = Buffer.alloc(8);
  place.writeBigUInt64LE(BigInt(block), 0);
  bytes.writeUInt32LE(crc32cRaw(crc32cRaw(seed, place), bytes), AT.checksum);
}

function toAttribute({ name, value }: Xattr, path: ByteString): Attribute {
  const bytes = Buffer.from(value);
  if (name === 'system.posix_acl_access') return { space: ACCESS, name: '', value: toAcl(bytes) };
  if (name === 'system.posix_acl_default') return { space: DEFAULT, name: '', value: toAcl(bytes) };
  const [, prefix = '', rest = ''] = /^(user|trusted|security)\.(.+)$/s.exec(name) ?? [];
  const space = SPACES[prefix];
  if (space === undefined)
    throw new AshlarError(`ext4 cannot hold the attribute ${JSON.stringify(name)} of ${nameOf(path)}`);
  return { space, name: rest, value: bytes };
}

const NAMED_USER = 0x02;
const NAMED_GROUP = 0x08;

/** Only users and groups that are named have an id. */
function toAcl(value: Buffer): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32LE(1, 0);
  const entries = readAcl(value).map(({ tag, permissions, id }) => {
    const hasId = tag === NAMED_USER || tag === NAMED_GROUP;
    const entry = Buffer.alloc(hasId ? 8 : 4);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(permissions, 2);
    if (hasId) entry.writeUInt32LE(id, 4);
    return entry;
  });
  return Buffer.concat([version, ...entries]);
}

/** The kernel looks for them in this order. */
function inOrder(a: Attribute, b: Attribute): number {
  return a.space - b.space || a.name.length - b.name.length || (a.name < b.name ? -1 : 1);
}

function sizeOf({ name, value }: Attribute): number {
  return ENTRY + alignUp(name.length, 4) + alignUp(value.length, 4);
}

function insideBytes(attributes: readonly Attribute[], room: number): Buffer {
  const bytes = Buffer.alloc(room);
  bytes.writeUInt32LE(MAGIC, 0);
  // Values are found from the first entry on. Hashes are for blocks only.
  writeEntries(bytes, attributes, { first: 4, from: 4 });
  return bytes;
}

function blockBytes(attributes: readonly Attribute[], blockSize: number): Buffer {
  const bytes = Buffer.alloc(blockSize);
  bytes.writeUInt32LE(MAGIC, 0);
  // One inode has it, and it is one block.
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt32LE(1, 8);
  const places = writeEntries(bytes, attributes, { first: HEADER, from: 0 });
  let hash = 0;
  for (const [i, attribute] of attributes.entries()) {
    const own = hashOf(attribute);
    bytes.writeUInt32LE(own, (places[i] ?? 0) + 12);
    hash = (((hash << 16) | (hash >>> 16)) ^ own) >>> 0;
  }
  bytes.writeUInt32LE(hash, AT.hash);
  return bytes;
}

/** Entries from the beginning on, values from the end. Returns where the entries are. */
function writeEntries(
  bytes: Buffer,
  attributes: readonly Attribute[],
  { first, from }: { readonly first: number; readonly from: number },
): readonly number[] {
  const places: number[] = [];
  let [at, end] = [first, bytes.length];
  for (const { space, name, value } of attributes) {
    places.push(at);
    end -= alignUp(value.length, 4);
    bytes.writeUInt8(name.length, at);
    bytes.writeUInt8(space, at + 1);
    bytes.writeUInt16LE(value.length === 0 ? 0 : end - from, at + 2);
    bytes.writeUInt32LE(value.length, at + 8);
    bytes.write(name, at + ENTRY, 'latin1');
    value.copy(bytes, end);
    at += ENTRY + alignUp(name.length, 4);
  }
  return places;
}

/** Of a name's bytes and a value's words. */
function hashOf({ name, value }: Attribute): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = ((hash << 5) | (hash >>> 27)) ^ name.charCodeAt(i);
  const words = Buffer.alloc(alignUp(value.length, 4));
  value.copy(words);
  for (let at = 0; at < words.length; at += 4) hash = ((hash << 16) | (hash >>> 16)) ^ words.readUInt32LE(at);
  return hash >>> 0;
}
