/** Files of sources for whoever wants them outside of an image. */
import type { FileSource, HttpSource, KeptSource } from '../../plan/types.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { located } from '../located.ts';
import { Store } from '../store/store.ts';
import { Workshop } from '../workshop.ts';
import { resolveSource } from './sources.ts';

/**
 * Calls `use` with a path of the host for each source, fetched and verified; what lies in the store stays there until
 * `use` is done. @throws AshlarError when a source cannot be had, or is not what its checksums say.
 */
export async function withFilesOf<T>(
  sources: readonly (FileSource | HttpSource | KeptSource)[],
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
  use: (paths: readonly string[]) => Promise<T>,
): Promise<T> {
  using store = new Store(options.store);
  const warn = (text: string) => emit({ kind: 'message', image: undefined, level: 'warning', text });
  await using workshop = new Workshop(store, warn);
  const context: LookContext = {
    options,
    store,
    workshop,
    emit,
    signal,
    built: name => {
      throw new Error(`${name} is not built for this`);
    },
    shared: new Map(),
  };
  const paths = await Promise.all(
    sources.map(source =>
      located(source.at, async () => {
        const { locate } = await resolveSource(source, '', context);
        const location = await locate();
        if (location.kind !== 'host') throw new Error('a source of an image');
        return location.path;
      }),
    ),
  );
  return use(paths);
}
