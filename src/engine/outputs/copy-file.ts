/** Copies of large files with holes: blocks are shared where the file system can, holes stay holes. */
import { closeSync, fstatSync, ftruncateSync, linkSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { copyFileRange, reflink, seekData, seekHole } from '../../linux/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';

/** Bytes after which others have their turn. */
const PIECE = 32 << 20;

/** Gives a file another name, or another one of the same content, where the file system can do that; else copies it. */
export async function shareFile(source: string, target: string, signal: AbortSignal): Promise<void> {
  if (reflink(source, target)) return;
  try {
    linkSync(source, target);
  } catch {
    await copyFile(source, target, signal);
  }
}

/** Copies a file to a place where nothing is. */
export async function copyFile(source: string, target: string, signal: AbortSignal): Promise<void> {
  if (reflink(source, target)) return;
  const input = openSync(source, 'r');
  const output = openSync(target, 'wx', 0o644);
  try {
    await copyData(input, output, signal);
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
    throw new AshlarError(`no space is left for ${target}`, { cause: error });
  } finally {
    closeSync(input);
    closeSync(output);
  }
}

async function copyData(input: number, output: number, signal: AbortSignal): Promise<void> {
  const { size } = fstatSync(input);
  ftruncateSync(output, size);
  for (let at = seekData(input, 0); at !== undefined && at < size; ) {
    const end = Math.min(seekHole(input, at), size);
    while (at < end) {
      at += copyPiece(input, output, at, Math.min(PIECE, end - at));
      await setImmediate();
      signal.throwIfAborted();
    }
    at = seekData(input, end);
  }
}

/** Returns how many bytes were copied. */
function copyPiece(input: number, output: number, at: number, length: number): number {
  try {
    const copied = copyFileRange(input, output, at, length);
    if (copied > 0) return copied;
  } catch (error) {
    // Between two kinds of file systems.
    if (!['EXDEV', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error) ?? '')) throw error;
  }
  const buffer = Buffer.allocUnsafe(Math.min(length, 1 << 20));
  const read = readSync(input, buffer, 0, buffer.length, at);
  if (read === 0) throw new AshlarError('a file became shorter while it was copied');
  return writeSync(output, buffer, 0, read, at);
}
