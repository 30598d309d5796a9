import { lstatSync, readdirSync } from 'node:fs';

/** Bytes that a file or directory with all that is in it takes on disk; 0 when it is not there. */
export function sizeOnDisk(path: string): number {
  const seen = new Set<bigint>();
  return addUp(Buffer.from(path), seen);
}

/** Names are bytes, since they need not be text. A file of several names counts once. */
function addUp(path: Buffer, seen: Set<bigint>): number {
  const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (!status || seen.has(status.ino)) return 0;
  if (status.nlink > 1n) seen.add(status.ino);
  const own = Number(status.blocks) * 512;
  if (!status.isDirectory()) return own;
  const children = readdirSync(path, { encoding: 'buffer' });
  return children.reduce(
    (sum, name) => sum + addUp(Buffer.concat([path, Buffer.from('/'), name]), seen),
    own,
  );
}
