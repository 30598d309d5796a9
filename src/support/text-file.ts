import { open } from 'node:fs/promises';
import { AshlarError } from './errors.ts';
import { type SourceText, sourceText } from './source-text.ts';

// Far above any descriptor that people write, far below what would exhaust the memory.
const maxBytes = 16 * 1024 * 1024;

/**
 * The text of a file, which may be a pipe. Throws an `AshlarError` where it is a directory, too large or not in UTF-8,
 * and the system's own error where it cannot be opened.
 */
export async function readText(path: string): Promise<SourceText> {
  await using file = await open(path);
  const status = await file.stat();
  if (status.isDirectory()) throw new AshlarError(`${path} is not a file`);
  if (status.isFile() && status.size <= maxBytes) return decodeText(path, await file.readFile());
  const chunks = await Array.fromAsync(file.createReadStream({ autoClose: false, end: maxBytes }));
  const bytes = Buffer.concat(chunks);
  if (bytes.length > maxBytes) throw new AshlarError(`${path} is larger than ${maxBytes} bytes`);
  return decodeText(path, bytes);
}

function decodeText(path: string, bytes: Uint8Array): SourceText {
  try {
    return sourceText(path, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AshlarError(`${path} is not text in UTF-8`, { cause });
  }
}
