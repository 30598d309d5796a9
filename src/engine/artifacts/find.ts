/** Files of known checksums that nobody has to be asked for. */
import { createReadStream } from 'node:fs';
import type { Checksums } from '../../plan/types.ts';
import { type LookContext, once, say } from '../context.ts';
import { canonical } from '../keys/keys.ts';
import { algorithmsOf, mismatchOf, mismatchText } from '../sources/checksums.ts';
import { type CekitArtifact, readCekitCache } from './cekit-cache.ts';
import { findArtifact, readArtifacts } from './records.ts';
import { fileOf, keepFile, recallFile, type StoredFile, takeFile } from './stored-files.ts';

/**
 * The file that has the strongest of these checksums, out of the store or CEKit's cache. All of them are known of it;
 * whether the others agree is for the caller to judge.
 */
export function findFile(wanted: Checksums, context: LookContext): Promise<StoredFile | undefined> {
  return once(context, `file ${canonical(wanted)}`, async () => {
    const { store, options } = context;
    const recalled = options.noCache ? undefined : await recallFile(wanted, store);
    return recalled ?? (await findKept(wanted, context)) ?? (await findInCekitCache(wanted, context));
  });
}

/** What was put into the store by hand. */
async function findKept(wanted: Checksums, context: LookContext): Promise<StoredFile | undefined> {
  const { store } = context;
  const artifacts = await once(context, 'kept artifacts', async () => readArtifacts(store.path));
  const artifact = findArtifact(wanted, artifacts);
  return artifact && fileOf(artifact, wanted, store);
}

async function findInCekitCache(wanted: Checksums, context: LookContext): Promise<StoredFile | undefined> {
  const { cekitCache } = context.options.fetch ?? {};
  if (cekitCache === undefined) return undefined;
  const artifacts = await once(context, "CEKit's artifacts", async () => readCekitCache(cekitCache));
  const artifact = findArtifact(wanted, artifacts);
  return artifact && takeFromCekit(artifact, wanted, context);
}

/** Undefined when the file is not what the cache says of it. */
async function takeFromCekit(
  { path, checksums }: CekitArtifact,
  wanted: Checksums,
  context: LookContext,
): Promise<StoredFile | undefined> {
  const bytes = createReadStream(path, { highWaterMark: 1 << 20 });
  const taken = await takeFile(bytes, algorithmsOf(wanted), context.store);
  const mismatch = mismatchOf(checksums, taken.checksums);
  if (!mismatch) return keepFile(taken, context.store);
  say(context, undefined, 'warning', `${mismatchText(path, mismatch)}: this file is not used`);
  return undefined;
}
