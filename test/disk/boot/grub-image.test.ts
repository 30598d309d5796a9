import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findGrubModules, makeGrubImage, missingGrub } from '../../../src/disk/boot/grub-image.ts';
import { namesInTree } from '../../../src/disk/boot/tree.ts';
import type { BootRequest } from '../../../src/disk/boot/types.ts';
import { has } from '../../support/tools.ts';
import { bootRequest, makeTree } from './trees.ts';

const HOST = '/usr/lib/grub/x86_64-efi';

const modules = (directory: string, version: string) => ({
  [`${directory}/kernel.img`]: 'kernel',
  [`${directory}/moddep.lst`]: 'list',
  [`${directory}/normal.mod`]: 'module',
  [`${directory}/ext2.mod`]: 'module',
  [`${directory}/modinfo.sh`]: `#!/bin/sh\ngrub_version="${version}"\n`,
});

describe('GRUB, put together', () => {
  it('is of the modules of the image, wherever the distribution has them', () => {
    const tree = makeTree(modules('usr/share/grub2/x86_64-efi', '2.12'));
    expect(findGrubModules(tree, 'x86_64-efi')).toEqual({
      target: 'x86_64-efi',
      top: tree,
      directory: '/usr/share/grub2/x86_64-efi',
    });
  });

  it('comes from the program of the image where that is as old as its modules, and ours is not', async () => {
    const tree = makeTree({
      ...modules('usr/lib/grub/x86_64-efi', '1.99'),
      'usr/bin/grub2-mkimage': 'program',
    });
    const ran: { readonly args: readonly string[]; readonly early: string }[] = [];
    const run: BootRequest['run'] = async args => {
      ran.push({ args, early: readFileSync(join(tree, '.ashlar-x86_64-efi-early.cfg'), 'utf8') });
      writeFileSync(join(tree, '.ashlar-x86_64-efi-grub.img'), 'GRUB');
      return { status: 0, output: '' };
    };
    const { request, said } = bootRequest(tree, { run });
    const found = findGrubModules(tree, 'x86_64-efi');
    const bytes = found && (await makeGrubImage(request, found, 'configfile /grub.cfg\n'));
    expect(Buffer.from(bytes ?? []).toString()).toBe('GRUB');
    expect(ran).toEqual([
      {
        args: [
          ...['/usr/bin/grub2-mkimage', '-O', 'x86_64-efi', '-d', '/usr/lib/grub/x86_64-efi'],
          ...[
            '-c',
            '/.ashlar-x86_64-efi-early.cfg',
            '-p',
            '/boot/grub',
            '-o',
            '/.ashlar-x86_64-efi-grub.img',
          ],
          ...['ext2', 'normal'],
        ],
        early: 'configfile /grub.cfg\n',
      },
    ]);
    expect(said).toEqual([
      'GRUB for x86_64-efi: modules of the image, put together by /usr/bin/grub2-mkimage of the image',
    ]);
    expect(namesInTree(tree, '/')).toEqual(['usr']);
  });

  it('fails with the words of the program', async () => {
    const tree = makeTree({
      ...modules('usr/lib/grub/x86_64-efi', '1.99'),
      'usr/bin/grub-mkimage': 'program',
    });
    const run = async () => ({ status: 1, output: 'error: no such module\n' });
    const found = findGrubModules(tree, 'x86_64-efi');
    const made = found && makeGrubImage(bootRequest(tree, { run }).request, found, '');
    await expect(made).rejects.toMatchObject({
      message: '/usr/bin/grub-mkimage ended with 1',
      cause: { message: 'error: no such module' },
    });
  });

  it.skipIf(!has('grub-mkimage') || !existsSync(HOST))(
    'is made here of files of the image alone, not of what they lead to',
    async () => {
      const tree = makeTree({ 'etc/x': '' });
      cpSync(HOST, join(tree, HOST), { recursive: true });
      const modules = { target: 'x86_64-efi', top: tree, directory: HOST };
      const make = () => makeGrubImage(bootRequest(tree).request, modules, '');
      rmSync(join(tree, HOST, 'ext2.mod'));
      symlinkSync(join(HOST, 'fat.mod'), join(tree, HOST, 'ext2.mod'));
      expect((await make()).length).toBeGreaterThan(100_000);
      rmSync(join(tree, HOST, 'ext2.mod'));
      execFileSync('mkfifo', [join(tree, HOST, 'ext2.mod')]);
      await expect(make()).rejects.toMatchObject({ cause: { message: expect.stringContaining('ext2.mod') } });
    },
  );

  it('names the packages where there are no modules', () => {
    expect(findGrubModules(makeTree({ 'etc/x': '' }), 'sparc64-ieee1275')).toBeUndefined();
    expect(missingGrub('i386-pc')).toMatchObject({
      message: "cannot find GRUB's modules for i386-pc, in the image or here",
      hint: 'apt install grub-pc-bin | dnf install grub2-pc-modules | zypper install grub2-i386-pc',
    });
  });
});
