/** `cekit build`: a descriptor becomes an image where the users of an engine look for it. */
import { join } from 'node:path';
import { type BuildOptions, holdProject } from '../../engine/index.ts';
import { ImageSender, openImage, type Platform, parseReference } from '../../oci/index.ts';
import type { Plan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { type MeantFlags, readBuildFlags } from '../cekit/build-flags.ts';
import { readCekitConfig } from '../cekit/config.ts';
import { deliver, withTag } from '../cekit/deliver.ts';
import { writeDryRun } from '../cekit/dry-run.ts';
import { type DescriptorFlags, platformsOf } from '../cekit/flags.ts';
import { applyColorFlag, ashlarGlobals, type CekitGlobals } from '../cekit/globals.ts';
import { type LoadedDescriptor, loadDescriptor, planOf, withImage } from '../cekit/load.ts';
import { CekitUsageError } from '../cekit/usage.ts';
import { type Followed, followed } from '../follow.ts';
import { checkBefore } from '../globals.ts';
import { readSettings, type Settings } from '../settings.ts';
import { buildImages, printOutputs } from './build.ts';
import { buildOptions } from './build-options.ts';

export type Engine = 'docker' | 'podman' | 'buildah' | 'oci' | 'osbs';

export interface CekitBuildFlags extends DescriptorFlags {
  readonly validate?: true;
  readonly dryRun?: true;
  readonly containerFile?: 'Containerfile' | 'Dockerfile';
  /** Empty: one that OSBS makes up. */
  readonly tag?: readonly string[];
  readonly pull?: true;
  readonly buildFlag?: readonly string[];
  readonly release?: true;
  readonly user?: string;
  readonly nowait?: true;
  readonly stage?: true;
  readonly syncOnly?: true;
  readonly commitMessage?: string;
  readonly assumeYes?: true;
}

/** Without an engine the image goes to the OCI layout. */
export async function cekitBuild(
  engine: Engine = 'oci',
  flags: CekitBuildFlags,
  globals: CekitGlobals,
): Promise<void> {
  applyColorFlag(globals);
  checkFlags(engine, flags);
  const ours = ashlarGlobals(globals);
  await checkBefore(ours);
  const settings = await readSettings(ours);
  const meant = readBuildFlags(flags.buildFlag ?? []);
  const names = tagsOf(flags, meant);
  const platform = [...(flags.platform ?? []), ...meant.platforms];
  if (loads(engine) && platformsOf(platform).length > 1)
    throw new CekitUsageError(`${engine} takes an image for one platform; build oci makes it for several`);
  const order = {
    descriptor: globals.descriptor ?? 'image.yaml',
    tags: names.filter(name => !isRemote(name)),
    flags: {
      ...flags,
      ...(globals.redhat && { redhat: true as const }),
      ...(meant.squash !== undefined && flags.squash !== false && { squash: meant.squash }),
      buildArg: [...(flags.buildArg ?? []), ...meant.buildArguments],
      platform,
    },
    config: readCekitConfig(globals),
    store: settings.store,
  };
  const { noCache, network = 'host' } = meant;
  const result = { layerType: ['tar'], compression: 'gzip', network } as const;
  const options = ({ fetch }: LoadedDescriptor): BuildOptions => ({
    ...buildOptions(settings, { ...result, cache: !noCache, debug: ours.debug ?? false }, fetch),
    output: outputOf(engine, settings),
  });
  await followed(ours, {}, async work => {
    const { log } = work;
    for (const flag of meant.ignored)
      log('warning', `--build-flag ${flag} means nothing here and is ignored`);
    using loaded = await loadDescriptor(order, log, work.signal);
    if (flags.validate) {
      log('info', 'The --validate parameter was specified, generation will not be performed, exiting');
    } else if (flags.dryRun) {
      const usual = engine === 'docker' || engine === 'osbs' ? 'Dockerfile' : 'Containerfile';
      const { containerFile = usual } = flags;
      const { target = 'target' } = globals;
      const fetchDomains = order.config.fetchArtifactDomains;
      const dryRun = { target, containerFile, osbs: engine === 'osbs', fetchDomains };
      await writeDryRun(dryRun, loaded, options(loaded), work);
      log('info', 'The --dry-run parameter was specified, build will not be executed, exiting');
    } else if (engine === 'osbs') {
      throw new AshlarError('ashlar does not send builds to OSBS', {
        hint: 'cekit build --dry-run osbs writes what OSBS needs to the target directory, for rhpkg or osbs-client',
      });
    } else {
      await buildAndDeliver(engine, loaded, options(loaded), names, work);
    }
    log('info', 'Finished!');
  });
}

/** @param names As they were given. */
async function buildAndDeliver(
  engine: Exclude<Engine, 'osbs'>,
  loaded: LoadedDescriptor,
  options: BuildOptions,
  names: readonly string[],
  work: Followed,
): Promise<void> {
  const { log, signal } = work;
  // What cannot be sent is not built first.
  const remote = names.filter(isRemote).map(name => ({ name, to: parseReference(name) }));
  const described = await planOf(loaded);
  const goesElsewhere = loads(engine) || remote.length > 0;
  const plan = goesElsewhere ? withImage(described) : described;
  printOutputs(await buildImages(plan, options, work));
  if (!plan.images.some(({ emit }) => emit)) return;
  // Nobody may remove meanwhile what is being sent.
  using _ = await holdProject(options.project, 'shared');
  const { tags, platform } = resultOf(plan);
  const [first] = tags;
  const from = { transport: 'oci', path: options.output, tag: first } as const;
  if (loads(engine)) {
    const image = await openImage(from, { platform, signal });
    const delivered = [withTag(first), ...tags.slice(1).map(withTag)] as const;
    const say = (text: string) => log('info', text);
    await deliver(engine, { image, names: delivered, temporary: options.project.work, say, signal });
  }
  for (const { name, to } of remote) {
    const sender = new ImageSender({ signal, insecure: isThisMachine(name) });
    await sender.send(from, to);
  }
  const everywhere = [...tags, ...remote.map(({ name }) => name)];
  log('info', `Image built and available under following tags: ${everywhere.join(', ')}`);
}

/** The names of the image that is handed out; there is one, for one platform or several. */
function resultOf({ images }: Plan): {
  readonly tags: readonly [string, ...string[]];
  readonly platform: Platform;
} {
  const result = images.find(({ emit }) => emit);
  if (!result) throw new Error('the plan of a descriptor hands out no image');
  const [first = result.name, ...others] = result.tags ?? [];
  return { tags: [first, ...others], platform: result.platform };
}

/** What goes to an engine is not for the layout of the project. */
function outputOf(engine: Engine, { stackerDir, ociDir }: Settings): string {
  return loads(engine) ? join(stackerDir, 'delivered') : ociDir;
}

function loads(engine: Engine): engine is 'docker' | 'podman' | 'buildah' {
  return engine === 'docker' || engine === 'podman' || engine === 'buildah';
}

function isRemote(name: string): boolean {
  return name.startsWith('docker://');
}

/** Registries of this machine may do without TLS, as where images come from. */
function isThisMachine(name: string): boolean {
  return /^docker:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?\//.test(name);
}

function tagsOf({ tag = [] }: CekitBuildFlags, { tags }: MeantFlags): readonly string[] {
  return [...tag.filter(Boolean), ...tags];
}

/** @throws CekitUsageError for flags that the engine does not have. */
function checkFlags(engine: Engine, flags: CekitBuildFlags): void {
  const { platform = [], buildArg = [], buildFlag = [], tag = [] } = flags;
  const ofOsbs = ['release', 'user', 'nowait', 'stage', 'syncOnly', 'commitMessage', 'assumeYes'] as const;
  if (engine !== 'osbs') {
    const [foreign] = ofOsbs.filter(name => flags[name] !== undefined);
    if (foreign !== undefined) throw new CekitUsageError(`${asWritten(foreign)} is for osbs`);
    if (tag.includes('')) throw new CekitUsageError('--tag needs a name');
    return;
  }
  if (tag.length > 0 && !flags.release)
    throw new CekitUsageError('--tag requires --release as scratch builds cannot be tagged');
  const given = {
    '--pull': flags.pull,
    '--no-squash': flags.squash === false,
    '--build-arg': buildArg.length > 0,
    '--build-flag': buildFlag.length > 0,
    '--platform': platform.length > 0,
  };
  const [foreign] = Object.entries(given).flatMap(([name, isGiven]) => (isGiven ? [name] : []));
  if (foreign !== undefined) throw new CekitUsageError(`${foreign} is not for osbs`);
}

function asWritten(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}
