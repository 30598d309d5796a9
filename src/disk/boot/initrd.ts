/** Which initrd a disk starts with, and why. */
import { kernelOption } from './kernel.ts';
import { makeOwnInitrd } from './own-initrd.ts';
import { foundInitrd, initrdPath, makeTreeInitrd } from './tree-initrd.ts';
import type { BootRequest, Initrd, Kernel } from './types.ts';

export async function chooseInitrd(request: BootRequest, kernel: Kernel): Promise<Initrd> {
  const { spec, say, tree } = request;
  if (spec.root.verity) {
    say('the initrd is ours: it sets up dm-verity');
    return ownInitrd(request, kernel);
  }
  if (spec.initrd.kind === 'tree') return makeTreeInitrd(request, kernel);
  if (spec.root.overlay) {
    const where = spec.root.changesIn === undefined ? 'in memory' : 'on a partition';
    say(`the initrd is ours: it keeps changes of the root ${where}`);
    return ownInitrd(request, kernel);
  }
  const found = spec.initrd.kind === 'found' ? foundInitrd(tree, kernel) : undefined;
  if (found) {
    say(`the initrd is ${found.path} of the image`);
    return found;
  }
  say(
    spec.initrd.kind === 'found'
      ? `the image has no initrd for ${kernel.version}: it gets a small one of ours`
      : 'the initrd is a small one of ours, as the description wants it',
  );
  return ownInitrd(request, kernel);
}

/** Whether the kernel itself takes the table for dm-verity from its command line. */
export function takesTables(tree: string, kernel: Kernel): boolean {
  return kernelOption(tree, kernel, 'CONFIG_DM_INIT') === 'y';
}

async function ownInitrd(request: BootRequest, kernel: Kernel): Promise<Initrd> {
  const { tree, spec } = request;
  const needsDmsetup = spec.root.verity === true && !takesTables(tree, kernel);
  const bytes = await makeOwnInitrd(request, kernel, needsDmsetup);
  return { kind: 'own', path: initrdPath(tree, kernel), content: { kind: 'bytes', bytes } };
}
