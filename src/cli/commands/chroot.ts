import { existsSync } from 'node:fs';
import { type Entrance, enterImage, keptChanges } from '../../engine/index.ts';
import { type StackerRecipe, undescribedShell } from '../../recipes/stacker/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { followed } from '../follow.ts';
import type { Log } from '../log.ts';
import { checkBeforeWork } from '../machine/before-work.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { buildOptions } from './build-options.ts';
import { loadRecipe, type PlanFlags } from './recipe.ts';

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
    const entrance = await findEntrance(tag, settings, flags, log);
    checkBeforeWork({ store: settings.store, output: settings.rootsDir, runs: true }, text =>
      log('warning', text),
    );
    const { runtime } = flags;
    const options = buildOptions(settings, {
      layerType: ['tar'],
      compression: 'gzip',
      network: 'host',
      ...(runtime !== undefined && { runtime }),
    });
    return enterImage({ ...entrance, command }, options, emit, signal);
  });
}

async function findEntrance(
  tag: string | undefined,
  settings: Settings,
  flags: ChrootFlags,
  log: Log,
): Promise<Omit<Entrance, 'command'>> {
  if (!flags.stackerFile.some(file => existsSync(file))) return undescribed(tag, settings, flags, log);
  const { plan, order } = await loadRecipe(settings, flags, log);
  const { images } = plan;
  const image =
    tag === undefined ? firstImage({ plan, order }, flags) : images.find(({ name }) => name === tag);
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

/** The first layer of the first file, as it stands there. */
function firstImage({ plan, order }: StackerRecipe, { stackerFile: [first] }: ChrootFlags) {
  const file = order.find(({ typed }) => typed === first);
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
