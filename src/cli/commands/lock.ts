import { factsOf } from '../../engine/index.ts';
import { imagesWithPackages, lockOf } from '../../recipes/cekit/index.ts';
import { readCekitConfig } from '../cekit/config.ts';
import { imageAlone, loadDescriptor, planOf } from '../cekit/load.ts';
import { writeLockFile } from '../cekit/lock-file.ts';
import { UsageError } from '../failure.ts';
import { type FollowFlags, followed } from '../follow.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { buildImages } from './build.ts';
import { buildOptions, type ResultFlags, type WorkFlags } from './build-options.ts';
import { describedBy, type PlanFlags } from './recipe.ts';

export type LockFlags = PlanFlags & ResultFlags & WorkFlags & FollowFlags;

/** Builds a descriptor and writes down what it was built from: which packages come can only a build tell. */
export async function lock(globals: GlobalFlags, flags: LockFlags): Promise<void> {
  if (flags.locked) throw new UsageError('--locked is for commands that read a lock, and lock writes one');
  const settings = await readSettings(globals);
  await followed(globals, flags, async work => {
    const { log, emit, signal } = work;
    const described = await describedBy(flags, log);
    if (described.kind !== 'cekit') {
      const other = described.kind === 'stacker' ? described.files.join(', ') : described.directory;
      throw new UsageError(`lock is for CEKit descriptors, and ${other} is none`);
    }
    const { descriptor } = described;
    const order = { descriptor, tags: [], flags, config: readCekitConfig({}), store: settings.store };
    using loaded = await loadDescriptor(order, log, signal);
    const { description, fetch, commits } = loaded;
    const plan = imageAlone(await planOf(loaded));
    const options = buildOptions(settings, { ...flags, debug: globals.debug ?? false }, fetch);
    const built = await buildImages(plan, options, work);
    const withPackages = imagesWithPackages(description, plan);
    const facts = await factsOf(plan, built, withPackages, options, emit, signal);
    const path = writeLockFile(descriptor, lockOf(description, plan, facts, commits, loaded.options));
    log('info', `wrote ${path}`);
  });
}
