/** Images go from the OCI layout to a registry or to another layout. */
import { resolve } from 'node:path';
import { type Explanation, explainPlan, holdProject } from '../../engine/index.ts';
import {
  type Credentials,
  type Descriptor,
  ImageSender,
  openLayout,
  type TagEntry,
} from '../../oci/index.ts';
import type { ImagePlan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { didYouMean } from '../../support/suggest.ts';
import { UsageError } from '../failure.ts';
import { interruptible } from '../interruption.ts';
import { type Log, openLog } from '../log.ts';
import { wantsProgress } from '../progress.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { buildOptions, type ResultFlags } from './build-options.ts';
import { type Destination, type DestinationFlags, destinations } from './destinations.ts';
import { findFiles } from './find-files.ts';
import { loadRecipe, meansDescriptor, type PlanFlags, type Recipe } from './recipe.ts';

export interface PublishFlags extends PlanFlags, ResultFlags, DestinationFlags {
  readonly searchDir?: string;
  readonly stackerFilePattern: string;
  readonly username?: string;
  readonly password?: string;
  readonly skipTls?: true;
  /** Only these images. */
  readonly image: readonly string[];
  /** Only these, which no file describes. */
  readonly stash: readonly string[];
  readonly showOnly?: true;
  readonly force?: true;
}

/** Publishes the images of the named files; those of their prerequisites are not meant. */
export async function publish(globals: GlobalFlags, flags: PublishFlags): Promise<void> {
  const settings = await readSettings(globals);
  if (flags.stash.length > 0) {
    const { publishStashes } = await import('./publish-stashes.ts');
    return publishStashes(globals, settings.store, flags, credentialsOf(flags));
  }
  const { searchDir, stackerFilePattern } = flags;
  const files =
    searchDir === undefined ? flags.stackerFile : findFiles({ searchDir, stackerFilePattern }, settings);
  const credentials = credentialsOf(flags);
  const destinationsOf = destinations(flags, files, await meansDescriptor({ ...flags, stackerFile: files }));
  const log = openLog(globals);
  const layout = await openLayout(settings.ociDir);
  // Nobody may remove meanwhile what is being sent.
  using _ = await holdProject({ work: settings.stackerDir, roots: settings.rootsDir }, 'shared');
  using interruption = interruptible();
  const { signal } = interruption;
  // What was given to the build need not be known here.
  const more = { missingValue: 'dummy' };
  using recipe = await loadRecipe(settings, { ...flags, stackerFile: files }, log, signal, more);

  const layers = layersOf(recipe, files);
  warnOfUnknown(flags.image, layers, log);
  const chosen = layers.filter(
    ({ image, emit }) => emit && (flags.image.length === 0 || flags.image.includes(image)),
  );
  const orders = new Map(chosen.map(({ image, published }) => [image, destinationsOf(image, published)]));
  if (!flags.force && chosen.length > 0) {
    const warn = (text: string) => log('warning', text);
    const options = buildOptions(settings, flags, recipe.fetch);
    const explanations = await explainPlan(recipe.plan, [...orders.keys()], options, warn, signal);
    checkBuilt(explanations, orders, await layout.tags());
  }
  const onBlob = wantsProgress(globals, process.stderr)
    ? ({ digest }: Descriptor) => process.stderr.write(`Copying blob ${digest}\n`)
    : undefined;
  const sent = new Set<string>();
  const sender = new ImageSender({ credentials, insecure: flags.skipTls, signal, onBlob });
  for (const { file, image, emit } of layers) {
    if (!emit) log('info', `will not publish: ${file} build_only ${image}`);
    for (const { tag, name, reference } of orders.get(image) ?? []) {
      // Images for several platforms have one name, and go together.
      if (sent.has(name)) continue;
      sent.add(name);
      if (flags.showOnly) {
        log('info', `would publish: ${file} ${image} to ${name}`);
        continue;
      }
      log('info', `publishing ${file} ${tag} to ${name}`);
      await sender.send({ transport: 'oci', path: settings.ociDir, tag }, reference);
    }
  }
}

/** @throws AshlarError for the first image that a build would make anew, or that is not there. */
function checkBuilt(
  explanations: readonly Explanation[],
  orders: ReadonlyMap<string, readonly Destination[]>,
  tags: readonly TagEntry[],
): void {
  const present = new Set(tags.map(({ tag }) => tag));
  const isThere = (image: string) => orders.get(image)?.every(({ tag }) => present.has(tag));
  const stale = explanations.find(({ image, state }) => state !== 'up to date' || !isThere(image));
  if (!stale) return;
  throw new AshlarError(`layer needs to be rebuilt before publishing: ${stale.image}`, {
    hint: 'build it, or publish what is there with --force; the command explain says what has changed',
  });
}

/** The error shows no password: logs are read by others. */
function credentialsOf({ username = '', password = '' }: PublishFlags): Credentials | undefined {
  if ((username === '') !== (password === '')) {
    throw new UsageError(
      `supply both username and password, or none of them, current values: '${username}' '${password && '***'}'`,
    );
  }
  const from = '--username and --password';
  return username === '' ? undefined : { kind: 'password', username, password, from };
}

interface Layer {
  /** As the user typed it. */
  readonly file: string;
  readonly image: string;
  readonly emit: boolean;
  /** What its names in the layout follow from. */
  readonly published: Pick<ImagePlan, 'tags' | 'forms'> | undefined;
}

/** The layers of the files, in the order of both; a descriptor need not have been named. */
function layersOf({ plan, order }: Recipe, files: readonly string[]): readonly Layer[] {
  const images = new Map(plan.images.map(image => [image.name, image]));
  const fileOf = (typed: string) => order.find(({ path }) => path === resolve(typed));
  const named = files.some(fileOf) ? files : order.flatMap(({ typed = [] }) => typed);
  return named.flatMap(file =>
    (fileOf(file)?.images ?? []).map(image => {
      const published = images.get(image);
      return { file, image, emit: published?.emit ?? false, published };
    }),
  );
}

function warnOfUnknown(wanted: readonly string[], layers: readonly Layer[], log: Log): void {
  const names = layers.map(({ image }) => image);
  for (const name of wanted.filter(image => !names.includes(image))) {
    const hint = didYouMean(name, names);
    log('warning', `no layer ${name} to publish${hint === undefined ? '' : `: ${hint}`}`);
  }
}
