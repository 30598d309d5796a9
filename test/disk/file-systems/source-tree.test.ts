import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSource, readSource, readTree } from '../../../src/disk/file-systems/source-tree.ts';
import { AT_FDCWD, FileDescriptor, openAt } from '../../../src/linux/index.ts';
import { scratch } from '../../layers/support.ts';

const { signal } = new AbortController();

/** What is read of a file of seven bytes that had `size` when its tree was. */
function read(length: number, from: number, size = 7): string {
  const tree = scratch();
  writeFileSync(join(tree, 'file'), 'content');
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, 0));
  using source = openSource(root.fd, 'file');
  const into = Buffer.alloc(length, '?');
  readSource(source.fd, into, from, { ...readTree(tree, signal).root, path: 'file', size });
  return into.toString();
}

describe('the content of a file', () => {
  it('is followed by zeros', () => {
    expect(read(4, 2)).toBe('nten');
    expect(read(8, 4)).toBe('ent\0\0\0\0\0');
    expect(read(2, 9)).toBe('\0\0');
  });

  it('is not made up where the file has become shorter', () => {
    expect(() => read(16, 0, 8)).toThrow('"/file" changed while it was read');
    expect(() => read(4, 9, 16)).toThrow('"/file" changed while it was read');
  });
});
