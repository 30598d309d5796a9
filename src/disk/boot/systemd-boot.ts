/** systemd-boot on the ESP, with an entry that names kernel and initrd beside it. */
import { posix } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { efiName } from './architecture.ts';
import { findAnywhere } from './programs.ts';
import { contentOf, readTextInTree, textContent } from './tree.ts';
import type { BootRequest, EspFile, Initrd, Kernel } from './types.ts';

/** @throws AshlarError where neither the image nor this machine has it. */
export function systemdBootFiles(
  { tree, spec }: BootRequest,
  kernel: Kernel,
  initrd: Initrd,
  commandLine: string,
): readonly EspFile[] {
  const efi = efiName(spec.architecture);
  const name = `systemd-boot${efi.toLowerCase()}.efi`;
  const loader = findAnywhere(tree, [
    `/usr/lib/systemd/boot/efi/${name}.signed`,
    `/usr/lib/systemd/boot/efi/${name}`,
    `/lib/systemd/boot/efi/${name}`,
  ]);
  if (!loader) {
    throw new AshlarError(`cannot find ${name}, in the image or here`, {
      hint: 'apt install systemd-boot-efi | dnf install systemd-boot-unsigned | zypper install systemd-boot',
    });
  }
  const id = osId(tree);
  const directory = `${id}/${kernel.version}`;
  const entry = `${id}-${kernel.version}.conf`;
  return [
    { path: `EFI/BOOT/BOOT${efi}.EFI`, content: contentOf(loader.file) },
    { path: `EFI/systemd/${name}`, content: contentOf(loader.file) },
    {
      path: 'loader/loader.conf',
      content: textContent(`timeout ${spec.menu.timeout}\ndefault ${entry}\n`),
    },
    {
      path: `loader/entries/${entry}`,
      content: textContent(
        [
          `title ${oneLine(spec.menu.title)}`,
          `version ${kernel.version}`,
          `linux /${directory}/linux`,
          `initrd /${directory}/initrd`,
          `options ${oneLine(commandLine)}`,
          '',
        ].join('\n'),
      ),
    },
    {
      path: `${directory}/linux`,
      content: { kind: 'file', path: posix.join(tree, kernel.path), size: kernel.size },
    },
    { path: `${directory}/initrd`, content: initrd.content },
  ];
}

/** `debian`: a word that may be a name of files. */
function osId(tree: string): string {
  const text = readTextInTree(tree, '/etc/os-release') ?? readTextInTree(tree, '/usr/lib/os-release') ?? '';
  return /^ID="?([a-z0-9._-]+)"?\s*$/m.exec(text)?.[1]?.replace(/^\.+/, '') || 'linux';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
