/** What the tree itself has for the ESP, as the description or a package put it there. */
import { optionalPartition } from './partitions.ts';
import { contentOf, type FoundFile, findInTree, namesInTree } from './tree.ts';
import type { BootRequest, EspFile } from './types.ts';

/** Menus of a loader: those that the tree brings name the file systems of another disk. */
const MENU = /^(?:EFI\/[^/]+\/grub\.cfg|loader\/entries\/.*)$/i;

/** Files below the mount point of the ESP. Warns of what FAT does not have. */
export function filesForEsp(request: BootRequest): readonly EspFile[] {
  const { tree, spec, partitions, warn } = request;
  const top = optionalPartition(partitions, 'efi')?.mountPoint;
  if (top === undefined) return [];
  const files: EspFile[] = [];
  const add = (path: string, found: FoundFile | undefined): void => {
    const relative = path.slice(top.length + 1);
    if (found?.path === path && found.kind === 'directory')
      for (const name of namesInTree(tree, path)) add(`${path}/${name}`, findInTree(tree, `${path}/${name}`));
    else if (found?.path !== path || found.kind !== 'file')
      warn(`${path} of the image does not come onto the ESP: ${strangeness(path, found)}`);
    else if (spec.loader === 'none' || !MENU.test(relative))
      files.push({ path: relative, content: contentOf(found) });
  };
  const found = findInTree(tree, top);
  if (found) add(top, found);
  return files;
}

function strangeness(path: string, found: FoundFile | undefined): string {
  // Names that are no text are read as another text, and links are followed.
  if (found === undefined) return 'its name is no text, or it leads to nothing';
  if (found.path !== path) return `it leads to ${found.path}`;
  return 'it is neither file nor directory';
}

/** Ours with those of the tree that have other names, which FAT does not tell apart by case. */
export function withFilesOfTree(ours: readonly EspFile[], ofTree: readonly EspFile[]): readonly EspFile[] {
  const names = new Set(ours.map(({ path }) => path.toUpperCase()));
  return [...ours, ...ofTree.filter(({ path }) => !names.has(path.toUpperCase()))];
}
