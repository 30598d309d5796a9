/** Commands that look at or use images that are built. */
import { type Command, Option } from 'commander';
import type { ChrootFlags } from '../commands/chroot.ts';
import type { DiffFlags } from '../commands/diff.ts';
import type { DiskFlags } from '../commands/disk.ts';
import type { MountFlags } from '../commands/mount.ts';
import type { RebaseFlags } from '../commands/rebase.ts';
import type { StackFlags } from '../commands/stack.ts';
import { globalsOf } from '../globals.ts';
import { repeatable, withFiles, withPlanFlags, withResultFlags, withRuntime } from '../options.ts';
import { readDiskSize } from '../quantities.ts';

/** How the commands here name an image. */
const IMAGE = 'a tag of the OCI layout, docker://host/repository:tag or oci:directory:tag';

export function describeImages(program: Command): void {
  program
    .command('inspect')
    .description('show the images in the OCI layout')
    .argument('[tag]', 'only this image')
    .action(async (tag: string | undefined, _flags: unknown, command: Command) =>
      (await import('../commands/inspect.ts')).inspect(globalsOf(command), tag),
    );

  withRuntime(withPlanFlags(withFiles(program.command('chroot').alias('exec'))))
    .description('run a command in a temporary copy of a built layer')
    .argument('[tag]', 'the layer (default: the first of the file)')
    .argument('[command...]', 'the command and its words (default: /bin/sh)')
    // The words of the command are not for us.
    .passThroughOptions()
    .action(async (tag: string | undefined, words: readonly string[], flags: ChrootFlags, command: Command) =>
      (await import('../commands/chroot.ts')).chroot(globalsOf(command), tag, words, flags),
    );

  program
    .command('grab')
    .description('copy a file or directory of a built layer into the current directory')
    .argument('<tag:path>', 'the layer, and an absolute path in it')
    .action(async (argument: string, _flags: unknown, command: Command) =>
      (await import('../commands/grab.ts')).grab(globalsOf(command), argument),
    );

  withResultFlags(program.command('stack'))
    .description('put images on top of each other: each layer once, and what they disagree about decided')
    .argument('<images...>', `the lowest first: ${IMAGE}`)
    .option('--tag <name>', 'the name of the result')
    .addOption(
      repeatable(
        '--conflicts <policy>',
        'where images disagree: warn, last, first or error; for some paths: /etc/**=first (repeatable)',
        ['warn'],
      ),
    )
    .option('--dry-run', 'show what would be made, make nothing')
    .option('--verify', 'prove that one image is what it was stacked from; end with 1 where it is not')
    .option('--json', 'what --dry-run and --verify show as JSON')
    .action(async (images: readonly string[], flags: StackFlags, command: Command) =>
      (await import('../commands/stack.ts')).stack(globalsOf(command), images, flags),
    );

  program
    .command('diff')
    .description('show what is different between two images: packages, config, paths')
    .argument('<from>', IMAGE)
    .argument('<to>', 'the other image')
    .option('--json', 'as JSON, with every path')
    .option('--exit-code', 'end with 1 where there is a difference')
    .action(async (from: string, to: string, flags: DiffFlags, command: Command) =>
      (await import('../commands/diff.ts')).diff(globalsOf(command), [from, to], flags),
    );

  withRuntime(program.command('disk'))
    .description('make a disk from which a machine starts of an image with a kernel')
    .argument('<image>', `${IMAGE}; a stash, or the path of a tree, a tar archive or an OCI layout`)
    .option('--out <path>', 'the raw disk, or a directory for it (default: <name>.raw here)')
    .addOption(
      repeatable(
        '--format <format>',
        'also in this format: qcow2, vmdk, vdi, vhd, vhd-fixed, vhdx, ova or gce (repeatable)',
      ),
    )
    .addOption(
      new Option('--filesystem <type>', 'of the root').choices([
        ...['ext4', 'btrfs', 'xfs', 'squashfs', 'erofs', 'ext2', 'ext3'],
      ]),
    )
    .addOption(
      new Option(
        '--firmware <kind>',
        'efi (the default), uefi for signed loaders of the image, or bios',
      ).choices([...['efi', 'uefi', 'bios']]),
    )
    .addOption(
      new Option('--loader <kind>', 'what starts the kernel (default: uki with efi, grub otherwise)').choices(
        [...['uki', 'grub', 'systemd-boot']],
      ),
    )
    .option('--legacy-boot', 'a machine with a BIOS starts from it, too')
    .option('--size <size>', 'of the disk: 4G, or +1G beyond what the content needs', readDiskSize)
    .option('--verity', 'the root is read-only and checked by dm-verity')
    .option('--cmdline <words>', 'of the kernel, without root= (default: serial console and screen)')
    .addOption(
      new Option(
        '--initrd <kind>',
        'found in the image where it has one, a small one of our own, or made by the image',
      ).choices(['found', 'own', 'tree']),
    )
    .option('--label <name>', 'of the root file system (default: ROOT)')
    .option('--title <text>', 'in the menu of the boot loader')
    .option('--platform <os/arch>', 'which image of several')
    .option('--hostname <name>', 'the name of the machine')
    .option('--root-password <hash>', 'password of root as in /etc/shadow (openssl passwd -6)')
    .option('--no-cache', 'make it anew')
    .option('--report <file>', 'write what was done, how long it took and what came out, as JSON')
    .option('--json', 'print what was made as JSON')
    .action(async (image: string, flags: DiskFlags, command: Command) =>
      (await import('../commands/disk.ts')).disk(globalsOf(command), image, flags),
    );

  program
    .command('rebase')
    .description('put an image on another base; its own layers stay as they are')
    .argument('<image>', IMAGE)
    .requiredOption('--old <base>', 'the base that it was built on')
    .requiredOption('--new <base>', 'the base that it is to be on')
    .option('--tag <name>', 'the name of the result (default: that of the image)')
    .action(async (image: string, flags: RebaseFlags, command: Command) =>
      (await import('../commands/rebase.ts')).rebase(globalsOf(command), image, flags),
    );

  program
    .command('mount')
    .description('as root: show the tree of an image at a directory')
    .argument('<image>', IMAGE)
    .argument('<directory>', 'an existing directory')
    .option('--writable <dir>', 'a directory that keeps changes (default: the tree is read-only)')
    .action(async (image: string, directory: string, flags: MountFlags, command: Command) =>
      (await import('../commands/mount.ts')).mount(globalsOf(command), image, directory, flags),
    );

  program
    .command('umount')
    .description('take away what mount has mounted')
    .argument('<directory>', 'the directory of the mount')
    .action(async (directory: string, _flags: unknown, command: Command) =>
      (await import('../commands/mount.ts')).unmount(globalsOf(command), directory),
    );
}
