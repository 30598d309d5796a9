import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { basename, join } from 'node:path';
import { AshlarError, codeOf } from '../../support/errors.ts';
import type { Call } from './call.ts';
import { atLocation } from './places.ts';
import type { GrabRequest } from './requests.ts';
import { stage } from './staging.ts';

/** Copies something out of a tree. What is copied has its final name when it is complete. */
export async function grab({ layers, path, directory }: GrabRequest, call: Call): Promise<null> {
  const name = basename(path);
  const temporary = mkdtempSync(join(directory, '.ashlar-grab-'));
  try {
    const copy = join(temporary, name);
    await atLocation({ kind: 'tree', layers, path }, call, place => {
      const found = lstatSync(place.path, { throwIfNoEntry: false });
      if (!found) throw new AshlarError(`there is no ${path} in the image`);
      if (!found.isFile() && !found.isDirectory() && !found.isSymbolicLink())
        throw new AshlarError(`${path} in the image is neither a file, a directory nor a symbolic link`);
      stage(place.path, copy, { uid: 0, gid: 0 });
    });
    // Files of the caller: what they may do beyond that was meant for another owner.
    forEachFile(Buffer.from(copy), dropSpecialBits);
    moveOver(Buffer.from(copy), Buffer.from(join(directory, name)));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return null;
}

function dropSpecialBits(path: Buffer, { mode }: Stats): void {
  if (mode & 0o7000) chmodSync(path, mode & 0o777);
}

function forEachFile(path: Buffer, use: (path: Buffer, status: Stats) => void): void {
  const status = lstatSync(path);
  if (status.isFile()) use(path, status);
  if (status.isDirectory())
    for (const name of readdirSync(path, { encoding: 'buffer' })) forEachFile(below(path, name), use);
}

/** Gives a file its final name; a directory that is there already gets what the copy has, and keeps the rest. */
function moveOver(copy: Buffer, target: Buffer): void {
  const isDirectory = (path: Buffer) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isDirectory(copy) && isDirectory(target)) {
    for (const name of readdirSync(copy, { encoding: 'buffer' }))
      moveOver(below(copy, name), below(target, name));
    rmdirSync(copy);
    return;
  }
  try {
    renameSync(copy, target);
  } catch (cause) {
    const code = codeOf(cause);
    if (code !== 'EISDIR' && code !== 'ENOTDIR') throw cause;
    throw new AshlarError(
      `${target} is in the way: ${code === 'EISDIR' ? 'it is' : 'it is not'} a directory`,
    );
  }
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}
