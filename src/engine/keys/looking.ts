import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { Store } from '../store/store.ts';
import type { BuiltImage } from '../values.ts';
import { Workshop } from '../workshop.ts';

/** Does work that looks at what was built, and builds nothing. `built` names the images that it knows. */
export async function looking<T>(
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
  work: (context: LookContext, known: Map<string, Pick<BuiltImage, 'layers'>>) => Promise<T>,
): Promise<T> {
  using store = new Store(options.store);
  const warn = (text: string) => emit({ kind: 'message', image: undefined, level: 'warning', text });
  await using workshop = new Workshop(store, warn);
  const known = new Map<string, Pick<BuiltImage, 'layers'>>();
  const built = (name: string) => {
    const image = known.get(name);
    if (!image) throw new Error(`the layers of ${name} were not looked up`);
    return image;
  };
  const context: LookContext = { options, store, workshop, emit, signal, built, shared: new Map() };
  return await work(context, known);
}
