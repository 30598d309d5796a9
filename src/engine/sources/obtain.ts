/** Files of sources for whoever wants them outside of an image. */
import type { FileSource, HttpSource, KeptSource } from '../../plan/types.ts';
import type { BuildOptions } from '../context.ts';
import type { EventSink } from '../events.ts';
import { looking } from '../keys/looking.ts';
import { located } from '../located.ts';
import { resolveSource } from './sources.ts';

type HostSource = FileSource | HttpSource | KeptSource;

/**
 * Calls `use` with a path of the host for each source, fetched and verified; what lies in the store stays there until
 * `use` is done. @throws AshlarError when a source cannot be had, or is not what its checksums say.
 */
export async function withFilesOf<T>(
  sources: readonly HostSource[],
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
  use: (paths: readonly string[]) => Promise<T>,
): Promise<T> {
  return looking(options, emit, signal, async context => {
    const pathOf = async (source: HostSource) => {
      const { locate } = await resolveSource(source, '', context);
      const location = await locate();
      if (location.kind !== 'host') throw new Error('a source of an image');
      return location.path;
    };
    return use(await Promise.all(sources.map(source => located(source.at, () => pathOf(source)))));
  });
}
