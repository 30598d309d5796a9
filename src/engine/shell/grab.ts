import type { BuildOptions } from '../context.ts';
import type { EventSink } from '../events.ts';
import { treeLayers } from '../forms/tar-form.ts';
import { earlierLayers } from '../keys/earlier.ts';
import { looking } from '../keys/looking.ts';

/**
 * Copies a file or directory of an image that was built earlier into a directory, as files of the caller. Nothing else
 * there is touched; a directory that is there gets what the other one has. Nothing is run for it.
 * @throws AshlarError when the image was never built, or there is nothing of that path in it.
 */
export function grab(
  { image, path }: { readonly image: string; readonly path: string },
  directory: string,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<void> {
  return looking(options, emit, signal, async context => {
    const layers = await treeLayers(await earlierLayers(image, [], context), context);
    await context.workshop.call('grab', { layers, path, directory }, { signal });
  });
}
