import { existsSync } from 'node:fs';
import pLimit from 'p-limit';
import { createLayout, openLayout } from '../oci/index.ts';
import { builtBasesOf } from '../plan/bases.ts';
import { typesOf } from '../plan/names.ts';
import type { ImagePlan, Plan } from '../plan/types.ts';
import { AshlarError } from '../support/errors.ts';
import type { BuildContext, BuildOptions } from './context.ts';
import { dependenciesOf, stepsAhead } from './dependencies.ts';
import type { EventSink, PlannedImage } from './events.ts';
import { formsOf } from './forms/images.ts';
import { writingTool } from './forms/tools.ts';
import { beginImage, completeImage } from './image.ts';
import { countSteps } from './image-steps.ts';
import { outputEntries, typesOfAll } from './output-entries.ts';
import { checkOutputs } from './outputs/outputs.ts';
import { openResults, type Results } from './outputs/results.ts';
import { clearForeignCache, OLD_CACHE } from './project/foreign-cache.ts';
import { removeDeadLinks } from './project/links.ts';
import { Project } from './project/project.ts';
import { Publisher } from './publish.ts';
import { Terminal } from './shell/terminal.ts';
import { removeAbandoned } from './store/abandoned.ts';
import { Store } from './store/store.ts';
import type { BuiltImage, LayerType, MadeOutput } from './values.ts';
import { Workshop } from './workshop.ts';

/**
 * Builds a plan: independent images side by side, results into the OCI layout of the options in the order of the plan.
 * After the first failure nothing new is begun, and that failure is thrown when everything has stopped; the images of
 * the plan before the failed one stay published.
 * @throws AshlarError for everything that is wrong with the plan's inputs or with the machine.
 */
export async function buildPlan(
  plan: Plan,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<readonly BuiltImage[]> {
  const entries = outputEntries(plan.images, options.forms.types);
  emit({ kind: 'build-started', images: plan.images.map(planned) });
  using project = await Project.open(options.project);
  const tell = (text: string) => emit({ kind: 'message', image: undefined, level: 'info', text });
  clearForeignCache(project.directories.work, tell);
  using store = new Store(options.store, () => tell(OLD_CACHE));
  const names = plan.images.map(image => image.name);
  store.claimAsBefore(project.directories.work, names);
  const stop = new AbortController();
  const stopping = AbortSignal.any([signal, stop.signal]);
  const warn = (text: string) => emit({ kind: 'message', image: undefined, level: 'warning', text });
  await using workshop = new Workshop(store, warn, project.lockDescriptors);
  const terminal = new Terminal(emit);
  const finished = new Map<string, BuiltImage>();
  const built = (name: string): BuiltImage => {
    const image = finished.get(name);
    if (!image) throw new AshlarError(`the plan needs the image ${name} before it is built`);
    return { ...image, ...image.unsquashed };
  };
  const context: BuildContext = {
    options,
    store,
    project,
    workshop,
    emit,
    terminal,
    signal: stopping,
    built,
    shared: new Map(),
  };
  if (!existsSync(options.output)) {
    tell(`Creating new OCI Layout at "${options.output}"`);
  }
  for (const type of typesOfAll(plan.images, options.forms.types))
    if (type !== 'tar') await writingTool(type, context);
  await checkOutputs(plan.images.flatMap(image => image.outputs ?? []));
  using results = openResults(plan, options.results);
  const layout = await createLayout(options.output);
  const emitted = plan.images.filter(image => image.emit).map(image => image.name);
  const publisher = new Publisher(emitted, entries, layout, context);
  const handedOut = formsHandedOut(plan, options.forms.types);
  const limit = pLimit(options.jobs);
  const tasks = new Map<string, Promise<void>>();
  const ends: Promise<void>[] = [];
  const buildOne = async (image: ImagePlan): Promise<void> => {
    const whenBuilt = (names: readonly string[]) => Promise.all(names.map(name => tasks.get(name)));
    const begin = (steps: number) => {
      stopping.throwIfAborted();
      return beginImage(image, steps, handedOut.get(image.name) ?? new Set(), context);
    };
    const ahead = stepsAhead(image);
    if (ahead > 0) await whenBuilt(dependenciesOf(image, image.steps.slice(0, ahead)));
    // It has no place among those that work while it waits for others.
    const begun = ahead > 0 ? await limit(() => begin(ahead)) : undefined;
    await whenBuilt(dependenciesOf(image));
    const { result, forms } = await limit(async () => {
      stopping.throwIfAborted();
      const result = await completeImage(begun ?? (await begin(image.steps.length)));
      const types = image.emit ? typesOf(image, options.forms.types) : [];
      return { result, forms: await formsOf(result, types, context) };
    });
    finished.set(image.name, result);
    emit({ kind: 'image-built', image: image.name });
    if (image.emit) await publisher.add(result, forms);
    else emit({ kind: 'image-finished', image: image.name, emitted: false, cached: result.cached, tags: [] });
  };
  const makeOutputsOf = async (image: ImagePlan): Promise<void> => {
    const completed = finished.get(image.name);
    if (!results || !completed || !image.outputs?.length) return;
    const outputs = await limit(() => outputsOf(image, completed, results, context));
    finished.set(image.name, { ...completed, outputs });
  };
  for (const image of plan.images) {
    const task = buildOne(image);
    tasks.set(image.name, task);
    // Images that are built on this one need not wait for what else becomes of it.
    const ended = task
      .then(() => makeOutputsOf(image))
      .catch(async error => {
        // Somebody may be looking at what another failure left behind.
        await terminal.free;
        if (!stopping.aborted) emit({ kind: 'image-failed', image: image.name });
        stop.abort(error);
      });
    ends.push(ended);
  }
  await Promise.all(ends);
  // The first failure aborted the rest; the others only say that they were stopped.
  stopping.throwIfAborted();
  if (publisher.changed) await tidy(options.output, signal);
  store.keepFor(project.directories.work, names);
  if (!removeAbandoned(store.temporaries)) await workshop.call('close', null, { signal });
  const images = plan.images.flatMap(({ name }) => finished.get(name) ?? []);
  if (images.some(image => !image.cached)) removeDeadLinks(project);
  if (results) {
    options.records?.(
      images.flatMap(({ outputs }) => outputs),
      file => results.pathFor(file),
    );
    results.publish();
  }
  return images;
}

async function outputsOf(
  { outputs = [] }: ImagePlan,
  image: BuiltImage,
  results: Results,
  context: BuildContext,
): Promise<readonly MadeOutput[]> {
  context.signal.throwIfAborted();
  const { makeOutputs } = await import('./outputs/outputs.ts');
  return makeOutputs(image, outputs, results, context);
}

function planned(image: ImagePlan): PlannedImage {
  const { name, emit } = image;
  return { image: name, needs: dependenciesOf(image), steps: countSteps(image), emit };
}

/** Blobs that no tag leads to any more are of no use to anybody. */
async function tidy(output: string, signal: AbortSignal): Promise<void> {
  const layout = await openLayout(output);
  using change = await layout.change({ signal });
  await change.removeUnreferencedBlobs();
}

/** By image: in which forms its layers are part of an image that is emitted, or put into a container. */
function formsHandedOut(
  { images }: Plan,
  usual: readonly LayerType[],
): ReadonlyMap<string, ReadonlySet<LayerType>> {
  const handedOut = new Map<string, Set<LayerType>>();
  const add = (name: string, types: Iterable<LayerType>) =>
    handedOut.set(name, new Set([...(handedOut.get(name) ?? []), ...types]));
  for (const image of images.toReversed()) {
    if (image.emit) add(image.name, typesOf(image, usual));
    if (image.outputs?.some(({ kind }) => kind === 'container')) add(image.name, ['tar']);
    for (const name of builtBasesOf(image)) add(name, handedOut.get(image.name) ?? []);
  }
  return handedOut;
}
