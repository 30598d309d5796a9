/** Compares files of a tree with what is known of them. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openIn } from '../../linux/index.ts';
import { codeOf } from '../../support/errors.ts';
import type { Call } from './call.ts';
import type { CompareRequest, DifferingFile } from './requests.ts';
import { mountSnapshots } from './tree.ts';

/** Files after which others have their turn. */
const AT_ONCE = 64;

/** Those that are missing or have other bytes. */
export async function compare(
  { layers, files }: CompareRequest,
  call: Call,
): Promise<readonly DifferingFile[]> {
  const snapshots = await call.snapshots.ensure(layers, call.signal);
  using tree = mountSnapshots(snapshots, join(call.scratch, 'tree'));
  using root = new FileDescriptor(openAt(AT_FDCWD, tree.root, O_PATH | constants.O_DIRECTORY));
  const differing: DifferingFile[] = [];
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (const [i, { path, md5 }] of files.entries()) {
    const found = md5At(root.fd, path, buffer);
    if (found !== md5) differing.push({ path, missing: found === undefined });
    if (i % AT_ONCE === 0) await setImmediate();
    call.signal.throwIfAborted();
  }
  return differing;
}

/** What the system says of a path that leads to no file. */
const NOWHERE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

/** Links are followed inside the tree; undefined where there is no file. */
function md5At(root: number, path: string, buffer: Buffer): string | undefined {
  let fd: number;
  try {
    fd = openIn(root, path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (NOWHERE.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const hash = createHash('md5');
    for (;;) {
      const length = readSync(fd, buffer);
      if (length === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
}
