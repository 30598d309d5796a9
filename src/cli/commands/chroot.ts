import { type Entrance, enterImage, keptChanges } from '../../engine/index.ts';
import { tagsOf } from '../../plan/names.ts';
import { undescribedShell } from '../../recipes/stacker/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { followed } from '../follow.ts';
import type { Log } from '../log.ts';
import { checkBeforeWork } from '../machine/before-work.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { buildOptions } from './build-options.ts';
import { isDescribed, loadRecipe, type PlanFlags, type Recipe } from './recipe.ts';

export interface ChrootFlags extends PlanFlags {
  readonly runtime?: string;
}

/** Runs a command (a shell, unless told otherwise) in a copy of a built layer; exits as the command does. */
export async function chroot(
  globals: GlobalFlags,
  tag: string | undefined,
  words: readonly string[],
  flags: ChrootFlags,
): Promise<void> {
  const settings = await readSettings(globals);
  const given = words[0] === '--' ? words.slice(1) : words;
  const command = given.length > 0 ? given : ['/bin/sh'];
  process.exitCode = await followed(globals, {}, async ({ log, emit, signal }) => {
    using recipe = isDescribed(flags) ? await loadRecipe(settings, flags, log, signal) : undefined;
    const entrance = recipe ? entranceOf(recipe, tag, flags, log) : undescribed(tag, settings, flags, log);
    checkBeforeWork({ store: settings.store, output: settings.rootsDir, runs: true }, text =>
      log('warning', text),
    );
    const { runtime } = flags;
    const flagsOfBuild = { layerType: ['tar'], compression: 'gzip', network: 'host' } as const;
    const options = buildOptions(
      settings,
      { ...flagsOfBuild, ...(runtime !== undefined && { runtime }) },
      recipe?.fetch,
    );
    return await enterImage({ ...entrance, command }, options, emit, signal);
  });
}

function entranceOf(
  recipe: Recipe,
  tag: string | undefined,
  flags: ChrootFlags,
  log: Log,
): Omit<Entrance, 'command'> {
  const { images } = recipe.plan;
  const image =
    tag === undefined
      ? firstImage(recipe, flags)
      : (images.find(({ name }) => name === tag) ?? images.find(image => tagsOf(image).includes(tag)));
  if (!image) {
    throw new AshlarError(
      tag === undefined ? 'there is no layer in the file' : `no layer ${tag} in stackerfile`,
      {
        hint: images.length > 0 ? `there are ${images.map(({ name }) => name).join(', ')}` : undefined,
      },
    );
  }
  log('info', 'This chroot is temporary, any changes will be destroyed when it exits.');
  return { image: image.name, images, shell: image.shell };
}

/** The first layer of the first file, as it stands there; of a descriptor, its image. */
function firstImage({ plan, order }: Recipe, { stackerFile: [first] }: ChrootFlags) {
  const file = order.find(({ typed }) => typed === first) ?? order[0];
  return plan.images
    .filter(({ name }) => file?.images.includes(name))
    .toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)[0];
}

/** Without a description nobody says what is temporary: changes are kept for the next time. */
function undescribed(
  tag: string | undefined,
  settings: Settings,
  { stackerFile }: ChrootFlags,
  log: Log,
): Omit<Entrance, 'command'> {
  if (tag === undefined) {
    throw new AshlarError(`couldn't find stacker file ${stackerFile.join(', ')}, and no layer is named`, {
      hint: 'name a layer, or the file with -f',
    });
  }
  const changes = keptChanges({ work: settings.stackerDir, roots: settings.rootsDir }, tag);
  log('info', `couldn't find stacker file, chrooting to ${tag} as best effort`);
  log('info', `changes are kept in ${changes}`);
  return { image: tag, images: [], shell: undescribedShell(tag), changes };
}
