/** Copies imports to where a step can see them: files keep their mode, everything belongs to one owner. */
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../support/errors.ts';

export interface StagedOwner {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits for regular files; their own when absent. */
  readonly mode?: number;
}

/**
 * Copies a file, symbolic link or directory; times and attributes are not kept. Shares blocks where the file system
 * can. @throws AshlarError for devices, FIFOs and sockets.
 */
export function stage(source: string, target: string, owner: StagedOwner): void {
  const entry = lstatSync(source);
  if (entry.isDirectory()) {
    mkdirSync(target, { mode: 0o755 });
    for (const name of readdirSync(source)) stage(join(source, name), join(target, name), owner);
  } else if (entry.isSymbolicLink()) {
    symlinkSync(readlinkSync(source), target);
  } else if (entry.isFile()) {
    copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    chmodSync(target, owner.mode ?? entry.mode & 0o7777);
  } else {
    throw new AshlarError(`cannot import ${source}: it is neither a file, a directory nor a symbolic link`);
  }
  lchownSync(target, owner.uid, owner.gid);
}
