/** Compares files of a tree with what is known of them, beside what else is done. */
import { join } from 'node:path';
import { compareFiles, type DifferingFile } from '../../layers/index.ts';
import type { Call } from './call.ts';
import type { CompareRequest } from './requests.ts';
import { mountSnapshots } from './tree.ts';

/** Those that are missing or have other bytes. */
export async function compare(
  { layers, files }: CompareRequest,
  { snapshots, scratch, signal }: Call,
): Promise<readonly DifferingFile[]> {
  const unpacked = await snapshots.ensure(layers, signal);
  using tree = mountSnapshots(unpacked, join(scratch, 'tree'));
  return await compareFiles({ tree: tree.root, files, signal });
}
