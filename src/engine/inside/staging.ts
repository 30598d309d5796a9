/** Copies imports to where scripts see them: files keep their mode, everything belongs to one owner. */
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { AshlarError } from '../../support/errors.ts';

/** The name under which a script stands among the imports. */
export const SCRIPT = '.stacker-run.sh';

export interface StagedOwner {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits for regular files; their own when absent. */
  readonly mode?: number;
}

/** Removes everything from a directory but the entries of these names. */
export function removeOthers(directory: string, keep: ReadonlySet<string>): void {
  for (const name of readdirSync(directory, { encoding: 'buffer' })) {
    if (keep.has(name.toString())) continue;
    rmSync(below(Buffer.from(directory), name), { recursive: true, force: true });
  }
}

/**
 * Copies a file, symbolic link or directory; times and attributes are not kept. Shares blocks where the file system
 * can. @throws AshlarError for devices, FIFOs and sockets.
 */
export function stage(source: string, target: string, owner: StagedOwner): void {
  stageBytes(Buffer.from(source), Buffer.from(target), owner);
}

/** Names are bytes here, since those of a directory need not be text. */
function stageBytes(source: Buffer, target: Buffer, owner: StagedOwner): void {
  const entry = lstatSync(source);
  if (entry.isDirectory()) {
    mkdirSync(target, { mode: 0o755 });
    for (const name of readdirSync(source, { encoding: 'buffer' })) {
      stageBytes(below(source, name), below(target, name), owner);
    }
  } else if (entry.isSymbolicLink()) {
    symlinkSync(readlinkSync(source, { encoding: 'buffer' }), target);
  } else if (entry.isFile()) {
    copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } else {
    throw new AshlarError(`cannot import ${source}: it is neither a file, a directory nor a symbolic link`);
  }
  lchownSync(target, owner.uid, owner.gid);
  // After the owner, whose change takes the set-user-ID bit away.
  if (entry.isFile()) chmodSync(target, owner.mode ?? entry.mode & 0o7777);
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}
