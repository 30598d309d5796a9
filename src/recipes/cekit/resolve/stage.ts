import { given } from '../../../support/given.ts';
import type { RawImage } from '../descriptor/types.ts';
import type { Stage } from '../model.ts';
import { orderModules } from '../modules/order.ts';
import type { Places } from '../modules/places.ts';
import type { Registry } from '../modules/registry.ts';
import type { CekitOptions } from '../options.ts';
import { effectiveDescriptor } from './effective.ts';
import { baseOf } from './from.ts';
import { osbsOf } from './osbs.ts';
import { contentSetsOf, managerOf, repositoriesOf } from './packages.ts';
import { helpOf, mergeRun } from './run.ts';
import { imageSection, moduleSection } from './sections.ts';
import { fillSlots } from './slots.ts';

/** What all images of a descriptor share. */
export interface StageContext {
  readonly registry: Registry;
  readonly places: Places;
  /** Absolute: of the descriptor. */
  readonly directory: string;
  readonly options: CekitOptions;
}

/** An image after overrides, with its modules. `declared` is the same image before overrides. */
export async function resolveStage(
  image: RawImage,
  declared: RawImage,
  { registry, places, directory, options }: StageContext,
): Promise<Stage> {
  const { name, version, description, packages, at } = image;
  const { visited, installed } = orderModules(image.modules.install, registry, options);
  const { ofImage, ofModules } = await fillSlots(image, declared, installed, places, options);
  const manager = managerOf(image, visited);
  const contentSets = await contentSetsOf(image, options);
  const section = imageSection(image, ofImage);
  const stage = {
    name,
    version,
    from: await baseOf(image, options),
    ...given({ description, managerFlags: packages.managerFlags ?? undefined, contentSets }),
    manager,
    repositories: contentSets === undefined ? repositoriesOf(image, visited, manager, options) : [],
    args: section.args,
    modules: await Array.fromAsync(installed, module => moduleSection(module, ofModules.get(module) ?? [])),
    image: section,
    run: mergeRun(image, visited),
    osbs: await osbsOf(image, directory),
    help: await helpOf(image, installed, places),
    ...(image.outputs && { outputs: image.outputs.wanted }),
    at,
  };
  return { ...stage, effective: effectiveDescriptor(image, installed, stage) };
}
