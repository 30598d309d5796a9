import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findKernel, requireKernel } from '../../../src/disk/boot/kernel.ts';
import { compareVersions } from '../../../src/disk/boot/versions.ts';
import { kernelFiles, makeTree } from './trees.ts';

describe('versions of kernels', () => {
  it.each([
    ['6.1.0-9-amd64', '6.1.0-10-amd64'],
    ['6.1.0-rc3', '6.1.0'],
    ['6.1.0-rc3', '6.1.0-1'],
    ['5.14.21-150500.55.7-default', '5.14.21-150500.55.39-default'],
    ['6.9.12-200.fc40.x86_64', '6.10.3-200.fc40.x86_64'],
    ['6.1.0', '6.1.0-1'],
    ['6.1.0-amd64', '6.1.0-1'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
  });

  it('have one order', () => {
    const version = fc.stringMatching(/^[0-9a-z.~+-]{1,12}$/);
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), versions => {
        const sorted = [...versions].sort(compareVersions);
        for (const [i, one] of sorted.entries())
          for (const later of sorted.slice(i)) expect(compareVersions(one, later)).toBeLessThanOrEqual(0);
        for (const one of versions) expect(compareVersions(one, one)).toBe(0);
      }),
    );
  });
});

describe('the kernel of a tree', () => {
  it('is the newest that has modules and a file', () => {
    const tree = makeTree({
      ...kernelFiles('6.1.0-9-amd64'),
      ...kernelFiles('6.1.0-10-amd64'),
      'usr/lib/modules/6.1.0-11-amd64/modules.dep': '',
      'boot/vmlinuz-6.1.0-12-amd64': 'without modules',
    });
    expect(findKernel(tree)).toMatchObject({
      version: '6.1.0-10-amd64',
      path: '/boot/vmlinuz-6.1.0-10-amd64',
      modules: '/usr/lib/modules/6.1.0-10-amd64',
    });
  });

  it('has a version that is one word of menus and command lines', () => {
    for (const version of ['-rf', '6.1\ninitrd /evil', '6.1 init=/bin/sh'])
      expect(findKernel(makeTree(kernelFiles(version)))).toBeUndefined();
  });

  it('is found beside its modules, and in trees whose /lib is a directory', () => {
    const fedora = makeTree(kernelFiles('6.9.1', 'usr/lib/modules/6.9.1/vmlinuz'));
    expect(findKernel(fedora)?.path).toBe('/usr/lib/modules/6.9.1/vmlinuz');
    const split = makeTree({ 'lib/modules/5.4.0/modules.dep': '', 'boot/Image-5.4.0': 'kernel' });
    expect(findKernel(split)).toMatchObject({ path: '/boot/Image-5.4.0', modules: '/lib/modules/5.4.0' });
  });

  it('is followed through links inside the tree, and never out of it', () => {
    const inside = makeTree({
      ...kernelFiles('6.1.0', 'usr/lib/kernel/the-kernel'),
      'boot/vmlinuz-6.1.0': '-> /usr/lib/kernel/the-kernel',
    });
    expect(findKernel(inside)?.path).toBe('/usr/lib/kernel/the-kernel');
    const outside = makeTree({
      'usr/lib/modules/6.1.0/modules.dep': '',
      'boot/vmlinuz-6.1.0': '-> ../../../../../../../../etc/passwd',
    });
    expect(findKernel(outside)).toBeUndefined();
  });

  it('is named with the places that were searched when there is none', () => {
    const tree = makeTree({ 'usr/lib/modules/6.1.0/modules.dep': '', 'boot/vmlinuz-6.1.0': '' });
    expect(() => requireKernel(tree)).toThrow(
      'No kernel found in the image, searched for [/boot/uImage-6.1.0, /boot/Image-6.1.0, /boot/zImage-6.1.0, ' +
        '/boot/vmlinuz-6.1.0, /boot/image-6.1.0, /boot/vmlinux-6.1.0, /boot/kernel-6.1.0, ' +
        '/usr/lib/modules/6.1.0/uImage',
    );
    expect(() => requireKernel(makeTree({ 'etc/passwd': '' }))).toThrow('No kernel found in the image');
  });
});
