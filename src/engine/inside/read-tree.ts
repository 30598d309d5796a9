/** Reads files of a tree that is unpacked anyway, so that no layer is read once more. */
import { constants, fstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteString } from '../../layers/index.ts';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openBeneath } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { Call } from './call.ts';
import type { ReadTreeRequest } from './requests.ts';
import { mountSnapshots } from './tree.ts';

/** Bytes of files that are in memory at a time: databases of packages and lists of changes are far smaller. */
const MOST_BYTES = 256 * 1024 ** 2;

export async function readTree(
  { layers, paths }: ReadTreeRequest,
  call: Call,
): Promise<ReadonlyMap<ByteString, Uint8Array>> {
  const snapshots = await call.snapshots.ensure(layers, call.signal);
  using tree = mountSnapshots(snapshots, join(call.scratch, 'tree'));
  using root = new FileDescriptor(openAt(AT_FDCWD, tree.root, O_PATH | constants.O_DIRECTORY));
  const found = new Map<ByteString, Uint8Array>();
  let left = MOST_BYTES;
  for (const path of paths) {
    using file = new FileDescriptor(
      openBeneath(root.fd, Buffer.from(path, 'latin1'), constants.O_RDONLY | constants.O_NONBLOCK),
    );
    left -= fstatSync(file.fd).size;
    if (left < 0)
      throw new AshlarError(`the lists of packages in the tree are too large: more than ${MOST_BYTES} bytes`);
    found.set(path, readFileSync(file.fd));
  }
  return found;
}
