/** What a system calls itself, by its os-release(5). */
import { firstFile, readBytes } from './tree.ts';
import type { OsRelease } from './types.ts';

/** Real ones have less than a thousandth of it. */
const LARGEST = 2 ** 20;

export function readOsRelease(tree: string): OsRelease {
  const file = firstFile(tree, ['/etc/os-release', '/usr/lib/os-release']);
  const bytes = file ? readBytes(file, LARGEST) : Buffer.from('NAME=Linux\nID=linux\n');
  const word = /^ID="?([a-z0-9._-]+)"?\s*$/m.exec(bytes.toString())?.[1];
  return { id: word?.replace(/^\.+/, '') || 'linux', content: { kind: 'bytes', bytes } };
}
