/** Trees on systems that have their own ways: attributes that no other has, and short reads. */
import { mkdirSync, type readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { readTree } from '../../../src/disk/file-systems/source-tree.ts';
import { scratch } from '../../layers/support.ts';

const { signal } = new AbortController();

const names = [
  ...['user.note', 'trusted.note', 'security.capability', 'system.posix_acl_access'],
  ...['system.nfs4_acl', 'security.selinux', 'user.overlay.opaque', 'trusted.SGI_ACL_FILE'],
  ...['btrfs.compression', 'system.cifs_acl'],
];

vi.mock('../../../src/linux/index.ts', async original => ({
  ...(await original<object>()),
  listXattrs: () => names,
  getXattr: () => Buffer.from('x'),
}));

vi.mock('node:fs', async original => {
  const fs = await original<{ readSync: typeof readSync }>();
  // No more than 1000 bytes at once.
  const less = (fd: number, into: Buffer, offset: number, length: number, from: number | null) =>
    fs.readSync(fd, into, offset, Math.min(length, 1000), from);
  return { ...fs, readSync: less };
});

it('keeps attributes that every system has, and names others that are not of this machine once', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'file'), 'x');
  const warnings: string[] = [];
  const tree = await readTree(directory, signal, { warn: message => warnings.push(message) });
  expect(tree.inodes.map(({ xattrs }) => xattrs.map(({ name }) => name))).toEqual([
    names.slice(0, 4),
    names.slice(0, 4),
  ]);
  expect(warnings).toEqual([
    'the attribute "btrfs.compression" is left out, of "/" and all others',
    'the attribute "system.cifs_acl" is left out, of "/" and all others',
  ]);
});

it('takes for holes what is zero to its end, however little is read at once', async () => {
  const directory = scratch();
  const content = Buffer.alloc(3 << 16);
  content[(1 << 16) + 65_000] = 1;
  writeFileSync(join(directory, 'file'), content);
  const [, file] = (await readTree(directory, signal)).inodes;
  expect(file?.data).toEqual([{ start: 1 << 16, end: 2 << 16 }]);
});

it('is given up when somebody wants that', async () => {
  const directory = scratch();
  for (const [name, count] of [
    ['a', 1100],
    ['b', 1],
  ] as const) {
    mkdirSync(join(directory, name));
    for (let i = 0; i < count; i++) writeFileSync(join(directory, name, String(i)), '');
  }
  const stop = new AbortController();
  const read = readTree(directory, stop.signal);
  setImmediate(() => stop.abort());
  await expect(read).rejects.toThrow('aborted');
});
