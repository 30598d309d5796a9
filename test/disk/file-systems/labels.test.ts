import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { FileSystemType } from '../../../src/disk/types.ts';
import { setXattr } from '../../../src/linux/index.ts';
import { has, isRoot } from '../../support/tools.ts';
import { fileSystem, MEBIBYTE, make, scratch } from './trees.ts';

const warningsOf = async (type: FileSystemType, tree: string) => {
  const warned: string[] = [];
  const warn = (message: string) => void warned.push(message);
  await make(tree, fileSystem(type), 160 * MEBIBYTE, { devices: [], warn });
  return warned;
};

/** Programs that read the tree themselves. */
const types = [
  ['mke2fs', 'ext3'],
  ['mkfs.btrfs', 'btrfs'],
  ['mkfs.erofs', 'erofs'],
] as const;

it.skipIf(!isRoot).each(types.filter(([program]) => has(program)))(
  '%s takes labels of this machine into an %s, of which the user is told',
  async (_, type) => {
    const tree = scratch();
    writeFileSync(join(tree, 'file'), '');
    expect(await warningsOf(type, tree)).toEqual([]);
    setXattr(tree, 'security.selinux', Buffer.from('system_u:object_r:root_t:s0\0'));
    expect(await warningsOf(type, tree)).toEqual([
      'the labels that SELinux gives files on this machine come into the file system',
    ]);
  },
);
