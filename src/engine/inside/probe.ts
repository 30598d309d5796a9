import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountTree, probeRuntime } from '../../sandbox/index.ts';
import { messageOf } from '../../support/errors.ts';
import type { Call } from './call.ts';
import type { Abilities } from './requests.ts';

/** Tries what a build needs of the kernel. */
export async function probe({ scratch }: Call): Promise<Abilities> {
  const { runtime, refusals } = await probeRuntime(join(scratch, 'runtime'));
  return { overlayProblem: tryOverlay(join(scratch, 'overlay')), runtime, refusals };
}

/** Removes a file of a lower layer: the mark for that is what file systems and kernels refuse most often. */
function tryOverlay(directory: string): string | undefined {
  const [lower, upper] = ['lower', 'upper'].map(name => join(directory, name)) as [string, string];
  for (const path of [lower, upper]) mkdirSync(path, { recursive: true });
  writeFileSync(join(lower, 'file'), '');
  try {
    using tree = mountTree({ lowers: [lower], upper, scratch: directory });
    rmSync(join(tree.root, 'file'));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
