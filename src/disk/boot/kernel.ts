/** Which kernel a tree starts with. */
import { AshlarError } from '../../support/errors.ts';
import { contentOf, findInTree, firstFile, isDirectoryInTree, namesInTree, readTextInTree } from './tree.ts';
import type { Kernel } from './types.ts';
import { compareVersions } from './versions.ts';

/** What files of kernels are called, by distribution and architecture. */
const PREFIXES = ['uImage', 'Image', 'zImage', 'vmlinuz', 'image', 'vmlinux', 'kernel'];

const MODULES = ['/usr/lib/modules', '/lib/modules'];

/** The newest kernel that has both modules and a kernel file. */
export function findKernel(tree: string): Kernel | undefined {
  for (const { version, modules } of versionsIn(tree)) {
    const found = firstFile(tree, placesOf(version, modules));
    if (found) return { version, modules, path: found.path, content: contentOf(found) };
  }
  return undefined;
}

/** The same. @throws AshlarError when there is none. */
export function requireKernel(tree: string): Kernel {
  const kernel = findKernel(tree);
  if (kernel) return kernel;
  const versions = versionsIn(tree);
  const searched = versions[0] ? placesOf(versions[0].version, versions[0].modules) : placesOf('<version>');
  throw new AshlarError(`No kernel found in the image, searched for [${searched.join(', ')}]`, {
    hint:
      versions.length === 0
        ? 'a disk that starts needs the package of a kernel: linux-image-amd64, kernel, kernel-default'
        : `there are modules of ${versions.map(({ version }) => version).join(', ')}, but no kernel file`,
  });
}

/** An option of the kernel's configuration (`CONFIG_DM_INIT`): `y`, `m`; undefined when it is off or not known. */
export function kernelOption(tree: string, { version, modules }: Kernel, name: string): string | undefined {
  const text = readTextInTree(tree, `/boot/config-${version}`) ?? readTextInTree(tree, `${modules}/config`);
  return text === undefined ? undefined : new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
}

interface Installed {
  readonly version: string;
  readonly modules: string;
}

/** What goes into menus, paths and command lines; other names are those of no kernel. */
const VERSION = /^[\dA-Za-z][\w.+~-]*$/;

/** Newest first. */
function versionsIn(tree: string): readonly Installed[] {
  const installed = new Map<string, Installed>();
  for (const directory of MODULES) {
    for (const version of namesInTree(tree, directory)) {
      const modules = `${directory}/${version}`;
      if (installed.has(version) || !VERSION.test(version) || !isDirectoryInTree(tree, modules)) continue;
      installed.set(version, { version, modules: findInTree(tree, modules)?.path ?? modules });
    }
  }
  return [...installed.values()].sort((a, b) => compareVersions(b.version, a.version));
}

function placesOf(version: string, modules = `${MODULES[0]}/${version}`): readonly string[] {
  return [
    ...PREFIXES.map(prefix => `/boot/${prefix}-${version}`),
    ...PREFIXES.map(prefix => `${modules}/${prefix}`),
  ];
}
