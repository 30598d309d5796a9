import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { lockedCommit } from './lock.ts';
import type { CekitOptions } from './options.ts';

/** The directory with what a repository has at a branch, tag or commit, or at the commit of the lock. */
export async function checkOut(
  url: string,
  ref: string,
  at: SourceSpan,
  { lock, checkout }: Pick<CekitOptions, 'checkout' | 'lock'>,
): Promise<string> {
  const commit = lockedCommit(lock, url, ref, at);
  try {
    return (await checkout(url, commit)).directory;
  } catch (error) {
    if (!(error instanceof AshlarError) || error.at !== undefined) throw error;
    throw new AshlarError(error.message, { at, hint: error.hint, cause: error.cause });
  }
}
