/** Loaders that Secure Boot accepts: shim, a signed GRUB and its key manager, as distributions install them. */
import { efiName, grubTarget } from './architecture.ts';
import { contentOf, type FoundFile, firstFile, namesInTree, readBytes, textContent } from './tree.ts';
import type { EspFile } from './types.ts';

const LARGEST_LOADER = 64 * 2 ** 20;

/** Undefined where the tree lacks shim or the signed GRUB. `early` is what GRUB reads first. */
export function signedChain(
  tree: string,
  architecture: string,
  early: string,
): readonly EspFile[] | undefined {
  const efi = efiName(architecture).toLowerCase();
  const vendors = namesInTree(tree, '/boot/efi/EFI')
    .filter(name => name.toUpperCase() !== 'BOOT')
    .map(name => `/boot/efi/EFI/${name}`);
  const find = (name: string, ...paths: readonly string[]) =>
    firstFile(tree, [...paths, ...vendors.map(directory => `${directory}/${name}`)]);
  const suse = `/usr/share/efi/${architecture}`;
  const shim = find(
    `shim${efi}.efi`,
    `/usr/lib/shim/shim${efi}.efi.signed.latest`,
    `/usr/lib/shim/shim${efi}.efi.signed`,
    `${suse}/shim.efi`,
  );
  const target = grubTarget(architecture);
  const grub = find(
    `grub${efi}.efi`,
    `/usr/lib/grub/${target}-signed/grub${efi}.efi.signed`,
    `${suse}/grub.efi`,
  );
  if (!shim || !grub) return undefined;
  const manager = find(
    `mm${efi}.efi`,
    `/usr/lib/shim/mm${efi}.efi.signed`,
    `/usr/lib/shim/mm${efi}.efi`,
    `${suse}/MokManager.efi`,
  );
  const config = textContent(early);
  return [
    { path: `EFI/BOOT/BOOT${efi.toUpperCase()}.EFI`, content: contentOf(shim) },
    { path: `EFI/BOOT/grub${efi}.efi`, content: contentOf(grub) },
    ...(manager ? [{ path: `EFI/BOOT/mm${efi}.efi`, content: contentOf(manager) }] : []),
    { path: 'EFI/BOOT/grub.cfg', content: config },
    ...builtInDirectories(grub).map(directory => ({ path: `${directory}/grub.cfg`, content: config })),
  ];
}

/** A signed GRUB looks for its configuration in a directory that is built in: `EFI/debian`. */
export function builtInDirectories(grub: FoundFile): readonly string[] {
  const text = readBytes(grub, LARGEST_LOADER).toString('latin1');
  const found = [...text.matchAll(/\0\/?(EFI\/[A-Za-z0-9_-]{1,32})\0/gi)].map(match => match[1] ?? '');
  // Case makes no difference on the ESP.
  const directories = new Map(found.toReversed().map(directory => [directory.toUpperCase(), directory]));
  directories.delete('EFI/BOOT');
  return [...directories.values()].toReversed();
}
