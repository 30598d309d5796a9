import { createReadStream, lstatSync } from 'node:fs';
import { type DigestOptions, digestOfFiles } from '../../layers/index.ts';
import type { ChecksumAlgorithm } from '../../plan/checksums.ts';
import { AshlarError } from '../../support/errors.ts';
import { checksumsOf, type KnownChecksums } from './checksums.ts';

/** What is at a place. */
export interface FileIdentity {
  /** Equal for equal content, modes, owners and attributes, of a file or a whole directory. Hexadecimal. */
  readonly identity: string;
  readonly type: FileType;
}

export type FileType = 'file' | 'directory' | 'symlink';

/**
 * Undefined when nothing is there. A symbolic link as last component stands for itself. `name` is what people call it.
 * @throws AshlarError when it is neither file, directory nor link, or cannot be read.
 */
export async function identify(
  path: string,
  options: DigestOptions = {},
  name = path,
): Promise<FileIdentity | undefined> {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (!entry) return undefined;
  if (!entry.isFile() && !entry.isDirectory() && !entry.isSymbolicLink())
    throw new AshlarError(`${name} is neither a file nor a directory`);
  const type = entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'symlink' : 'file';
  return { identity: await digestOfFiles(path, options), type };
}

/** Of a file's bytes alone. */
export function checksumsOfFile(
  path: string,
  algorithms: readonly ChecksumAlgorithm[],
): Promise<KnownChecksums> {
  return checksumsOf(createReadStream(path, { highWaterMark: 1 << 20 }), algorithms);
}
