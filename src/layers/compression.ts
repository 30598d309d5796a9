/** How the bytes of a layer can be compressed, and how content tells what it is. */
import { AshlarError } from '../support/errors.ts';
import { BLOCK } from './tar-entry.ts';

/** What layers of images are compressed with. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** What a tar archive that a user gives may be compressed with. */
export type ArchiveCompression = Compression | 'xz' | 'bzip2';

const MAGICS: readonly { readonly is: string; readonly at: number; readonly bytes: Buffer }[] = [
  { is: 'gzip', at: 0, bytes: Buffer.from('1f8b08', 'hex') },
  { is: 'zstd', at: 0, bytes: Buffer.from('28b52ffd', 'hex') },
  { is: 'xz', at: 0, bytes: Buffer.from('fd377a585a00', 'hex') },
  { is: 'bzip2', at: 4, bytes: Buffer.from('314159265359', 'hex') },
  { is: 'squashfs', at: 0, bytes: Buffer.from('hsqs', 'latin1') },
  { is: 'erofs', at: 1024, bytes: Buffer.from('e2e1f5e0', 'hex') },
];

/** How many bytes from the start `contentKind` looks at. */
export const MAGIC_LENGTH = 1028;

/**
 * What content is, judged by its first bytes: a compression, a file system, or `undefined` for anything else, as tar
 * archives are. An erofs image begins like an empty tar, with zeros, so the answer must come before any tar reader.
 */
export function contentKind(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.toString('latin1', 257, 262) === 'ustar' && bytes.length >= BLOCK) return undefined;
  // Skippable frames come first in some zstd streams: 0x184D2A50 to ...5F.
  if (bytes.length >= 4 && (bytes.readUInt32LE(0) & 0xffff_fff0) >>> 0 === 0x184d_2a50) return 'zstd';
  return MAGICS.find(magic => bytes.subarray(magic.at, magic.at + magic.bytes.length).equals(magic.bytes))
    ?.is;
}

/** Throws an AshlarError unless the first bytes of a blob fit the compression that its media type names. */
export function checkCompression(head: Uint8Array, labelled: Compression): void {
  const found = contentKind(head);
  if (found === (labelled === 'none' ? undefined : labelled) || head.length === 0) return;
  throw new AshlarError(`the layer is labelled ${describe(labelled)} but contains ${describe(found)}`, {
    hint: 'the image was written by a faulty tool, or was tampered with',
  });
}

function describe(kind: string | undefined): string {
  switch (kind) {
    case undefined:
      return 'uncompressed data';
    case 'none':
      return 'uncompressed tar';
    case 'squashfs':
      return 'a squashfs file system';
    case 'erofs':
      return 'an erofs file system';
    default:
      return `${kind}-compressed data`;
  }
}

/** The media type of a tar layer (OCI image specification, layer.md). */
export function layerMediaType(compression: Compression): string {
  const suffix = compression === 'none' ? '' : `+${compression}`;
  return `application/vnd.oci.image.layer.v1.tar${suffix}`;
}
