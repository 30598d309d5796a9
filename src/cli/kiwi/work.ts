import { join } from 'node:path';
import { type BuildOptions, systemDirectory } from '../../engine/index.ts';
import { buildOptions, type WorkFlags } from '../commands/build-options.ts';
import type { Settings } from '../settings.ts';

/** How systems are built whose results go to `target`, an absolute path. */
export function systemBuildOptions(
  target: string,
  settings: Settings,
  flags: WorkFlags,
  network: BuildOptions['network'],
): BuildOptions {
  const work = systemDirectory(settings.store, target);
  const result = { layerType: ['tar'], compression: 'zstd', network } as const;
  return {
    ...buildOptions(settings, { ...flags, ...result }),
    output: join(work, 'images'),
    project: { work, roots: join(work, 'roots') },
    results: target,
    steadyTimes: true,
  };
}
