import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DeviceEntry, standInForDevices } from '../../../src/disk/file-systems/devices.ts';
import { AT_FDCWD, linkAt, mknodAt } from '../../../src/linux/index.ts';
import { scratch } from '../../layers/support.ts';
import { isRoot } from '../../support/tools.ts';

const { signal } = new AbortController();
const null_ = { type: 'character', major: 1, minor: 3 } as const;
const described = (path: string, linkedTo?: string): DeviceEntry => ({
  ...{ path, ...null_, mode: 0o666, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  ...{ mtime: 5n, xattrs: [], ...(linkedTo !== undefined && { linkedTo }) },
});

describe('what stands for devices', () => {
  it('is one pipe for all names of a device, whichever of them comes first', async () => {
    const tree = scratch();
    mkdirSync(join(tree, 'a'));
    const devices = await standInForDevices(tree, [described('a/x', 'b'), described('b')], signal);
    expect(devices).toEqual(['a/x', 'b'].map(path => ({ path, ...null_ })));
    const [first, second] = ['a/x', 'b'].map(path => statSync(join(tree, path)));
    expect([first?.isFIFO(), first?.nlink, first?.ino]).toEqual([true, 2, second?.ino]);
  });

  it.skipIf(!isRoot)('is one for those that the tree itself has', async () => {
    const tree = scratch();
    mkdirSync(join(tree, 'a'));
    mknodAt(AT_FDCWD, join(tree, 'b'), 0o020666, { major: 1, minor: 3 });
    linkAt(AT_FDCWD, join(tree, 'b'), AT_FDCWD, join(tree, 'a/x'));
    expect((await standInForDevices(tree, [], signal)).map(({ path }) => path)).toEqual(['a/x', 'b']);
    expect(
      ['a/x', 'b'].map(path => [statSync(join(tree, path)).isFIFO(), statSync(join(tree, path)).nlink]),
    ).toEqual([
      [true, 2],
      [true, 2],
    ]);
  });

  it('is linked to nothing that the tree has not', async () => {
    const tree = scratch();
    const outside = scratch();
    symlinkSync(outside, join(tree, 'gone'));
    const devices = await standInForDevices(tree, [described('c', 'gone/x'), described('gone/x')], signal);
    expect(devices.map(({ path }) => path)).toEqual(['c']);
    expect(statSync(join(tree, 'c')).nlink).toBe(1);
  });
});
