/** Initrds that the tree has, or that its own program makes. */
import { AshlarError } from '../../support/errors.ts';
import { contentOf, type FoundFile, findInTree, firstFile } from './tree.ts';
import type { BootRequest, Initrd, Kernel } from './types.ts';

/** The one that is there for the kernel. */
export function foundInitrd(tree: string, { version, modules }: Kernel): Initrd | undefined {
  const found = firstFile(tree, [
    `/boot/initrd.img-${version}`,
    `/boot/initramfs-${version}.img`,
    `/boot/initrd-${version}`,
    `/boot/initrd-${version}.img`,
    `${modules}/initrd`,
    `${modules}/initramfs.img`,
    '/boot/initramfs-linux.img',
    '/boot/initramfs-virt',
    '/boot/initramfs-lts',
  ]);
  return found && initrdOf('found', found);
}

/** Where programs of the distribution look for the initrd of a kernel. */
export function initrdPath(tree: string, kernel: Kernel): string {
  const found = foundInitrd(tree, kernel);
  if (found?.path.startsWith('/boot/')) return found.path;
  const { version } = kernel;
  if (findInTree(tree, '/etc/debian_version')) return `/boot/initrd.img-${version}`;
  if (findInTree(tree, '/etc/redhat-release')) return `/boot/initramfs-${version}.img`;
  return `/boot/initrd-${version}`;
}

/**
 * Lets the tree's own program make it.
 * @throws AshlarError when there is none, or it fails.
 */
export async function makeTreeInitrd(request: BootRequest, kernel: Kernel): Promise<Initrd> {
  const { tree, epoch, run, say } = request;
  const path = initrdPath(tree, kernel);
  const args = generatorCommand(request, kernel, path);
  say(`${args[0]} of the image makes the initrd`);
  const { status, output } = await run(args, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C',
    SOURCE_DATE_EPOCH: String(epoch),
  });
  const made = firstFile(tree, [path]);
  if (status !== 0 || !made) {
    throw new AshlarError(`${args[0]} of the image makes no initrd: it ended with ${status}`, {
      cause: new Error(output.trim().split('\n').slice(-15).join('\n')),
    });
  }
  return initrdOf('tree', made);
}

function generatorCommand({ tree, spec }: BootRequest, { version }: Kernel, path: string): readonly string[] {
  const has = (...paths: readonly string[]) => firstFile(tree, paths) !== undefined;
  if (has('/usr/bin/dracut', '/usr/sbin/dracut', '/sbin/dracut')) {
    const installed = ['/.profile', '/config.partids'].filter(file => findInTree(tree, file));
    return [
      ...['dracut', '--force', '--reproducible', '--no-hostonly', '--no-hostonly-cmdline'],
      ...installed.flatMap(file => ['--install', file]),
      ...(spec.initrd.options.some(option => option.includes('multipath')) ? [] : ['--omit', 'multipath']),
      ...spec.initrd.options,
      ...[path, version],
    ];
  }
  if (has('/usr/sbin/mkinitramfs', '/sbin/mkinitramfs')) return ['mkinitramfs', '-o', path, version];
  if (has('/usr/bin/mkinitcpio', '/sbin/mkinitcpio')) return ['mkinitcpio', '-k', version, '-g', path];
  if (has('/sbin/mkinitfs', '/usr/sbin/mkinitfs')) return ['mkinitfs', '-o', path, version];
  throw new AshlarError('the image has no program that makes an initrd', {
    hint: 'install dracut or initramfs-tools in it, or let ashlar write a small initrd of its own',
  });
}

function initrdOf(kind: Initrd['kind'], file: FoundFile): Initrd {
  return { kind, path: file.path, content: contentOf(file) };
}
