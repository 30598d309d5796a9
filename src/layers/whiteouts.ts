/**
 * Whiteouts: entries of a layer that hide what lower layers hold. In tar form (OCI image specification, layer.md)
 * they are names; in the form of overlayfs they are character devices 0:0 and an extended attribute of directories.
 */
import { AshlarError } from '../support/errors.ts';
import type { ByteString } from './bytes.ts';
import { bareEntry, type TarEntry } from './tar-entry.ts';

const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';

export type Whiteout = { readonly kind: 'hidden'; readonly name: ByteString } | { readonly kind: 'opaque' };

/**
 * What the name of an entry in a tar layer says; `undefined` for an ordinary name.
 * Throws an AshlarError for names that begin like a whiteout and are none: `.wh.` alone, those that would hide `.`
 * or `..`, and the private files of aufs (`.wh..wh.plnk`, ...), which no other file system understands.
 */
export function parseWhiteout(name: ByteString): Whiteout | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  if (name === OPAQUE) return { kind: 'opaque' };
  const hidden = name.slice(PREFIX.length);
  if (hidden === '' || hidden === '.' || hidden === '..' || hidden.startsWith(PREFIX)) {
    throw new AshlarError('the name is no valid whiteout');
  }
  return { kind: 'hidden', name: hidden };
}

/** Whiteouts are empty files, or hard links among each other where aufs was at work. */
export function checkWhiteoutType(entry: TarEntry): void {
  if (entry.type !== 'file' && entry.type !== 'hardlink') {
    throw new AshlarError(`a whiteout cannot be a ${entry.type}`);
  }
}

/** The name in a tar layer that hides `name`, or everything in the directory. */
export function whiteoutName(name: ByteString): ByteString {
  return PREFIX + name;
}
export const OPAQUE_NAME: ByteString = OPAQUE;

/** The entry of a whiteout by its path: an empty file without an owner and a time of its own. */
export function whiteoutEntry(path: ByteString): TarEntry {
  return bareEntry(path, 'file', 0o644);
}

/** Written in mounts with `userxattr`, which root and others may make alike; `trusted.` is read too. */
export const OVERLAY_OPAQUE = 'user.overlay.opaque';

const OVERLAY_XATTR = /^(?:user|trusted)\.overlay\./;

/** Whether overlayfs gives the attribute a meaning; such attributes never pass between a tar and a directory. */
export function isOverlayXattr(name: ByteString): boolean {
  return OVERLAY_XATTR.test(name);
}

export function isOpaqueMark(name: ByteString, value: Uint8Array): boolean {
  return /^(?:user|trusted)\.overlay\.opaque$/.test(name) && value.length === 1 && value[0] === 0x79;
}

/** Whether a device is overlayfs's form of a hidden name. */
export function isOverlayWhiteout(entry: Pick<TarEntry, 'type' | 'major' | 'minor'>): boolean {
  return entry.type === 'character' && entry.major === 0 && entry.minor === 0;
}

/** Attributes that belong to the machine the file lies on (its security policy, its file server) and not to the file. */
export function isLocalXattr(name: ByteString): boolean {
  return name === 'security.selinux' || name === 'system.nfs4_acl';
}
