/** The lock file of a descriptor, which is beside it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LOCK_FILE, type Lock, readLock, writeLock } from '../../recipes/cekit/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { sourceText } from '../../support/source-text.ts';

/** @throws AshlarError when there is none, or a damaged one. */
export function readLockFile(descriptor: string): Lock {
  const path = lockPathOf(descriptor);
  try {
    return readLock(sourceText(path, readFileSync(path, 'utf8')));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new AshlarError(`there is no ${path}`, { hint: 'write it: ashlar lock' });
  }
}

/** Returns the path of the file. */
export function writeLockFile(descriptor: string, lock: Lock): string {
  const path = lockPathOf(descriptor);
  writeFileSync(`${path}.new`, writeLock(lock));
  renameSync(`${path}.new`, path);
  return path;
}

function lockPathOf(descriptor: string): string {
  return descriptor === '-' ? resolve(LOCK_FILE) : join(dirname(resolve(descriptor)), LOCK_FILE);
}
