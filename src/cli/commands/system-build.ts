/** `system stackbuild`, `system build` and `system create`: KIWI descriptions become results in a target directory. */
import { accessSync, constants, existsSync, lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type BuildOptions, type MadeOutput, reportStack, withDirectoryOf } from '../../engine/index.ts';
import { nameOfBase } from '../../plan/names.ts';
import type { Plan } from '../../plan/types.ts';
import {
  bundleFormat,
  type DescriptionChanges,
  IMAGE_ROOT,
  type KiwiDescription,
  type KiwiPlanOptions,
  type KiwiSource,
  noChanges,
  noPackageChoice,
  type PackageChoice,
  type Part,
  planBuild,
  planRebuild,
  readKiwi,
  readKiwiOfTree,
  resolveChanged,
  resultText,
} from '../../recipes/kiwi/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { publicValue, withoutLogins } from '../../support/secrets.ts';
import { type Followed, type FollowFlags, followed } from '../follow.ts';
import { descriptionChanges, packageChoice, parsePassedThrough } from '../kiwi/build-flags.ts';
import type { SystemBuildFlags } from '../kiwi/build-options.ts';
import type { KiwiGlobals } from '../kiwi/globals.ts';
import { platformOf } from '../kiwi/platform.ts';
import { unreachableRepositories } from '../kiwi/reachable.ts';
import { checkRoot, openRoot, treeWithoutDescription } from '../kiwi/roots.ts';
import { RunLog } from '../kiwi/run-log.ts';
import { openStashes, type StashOrder, unopenedStashes } from '../kiwi/stashes.ts';
import { SystemUsageError } from '../kiwi/usage.ts';
import { systemBuildOptions } from '../kiwi/work.ts';
import { withPlace } from '../log.ts';
import { readSettings, type Settings } from '../settings.ts';
import { isColorful, printLines } from '../table.ts';
import { buildImages } from './build.ts';
import type { WorkFlags } from './build-options.ts';
import { planLines } from './plan-lines.ts';
import { reportLines } from './stack-lines.ts';

export interface ResultFlags extends WorkFlags, FollowFlags {
  readonly targetDir?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export interface StackbuildFlags extends ResultFlags {
  readonly stash: readonly string[];
  readonly fromRegistry?: string;
  readonly description?: string;
}

export interface SystemBuildOrder extends ResultFlags, SystemBuildFlags {
  readonly description?: string;
}

export interface CreateFlags extends ResultFlags {
  readonly root?: string;
}

/** @param words What stood after `--` or `kiwi`. */
export async function stackbuild(
  globals: KiwiGlobals,
  words: readonly string[],
  flags: StackbuildFlags,
): Promise<void> {
  const { description: directory, fromRegistry } = flags;
  const target = targetOf(flags);
  const passed = parsePassedThrough(words, directory === undefined ? 'create' : 'build');
  const changes = descriptionChanges(passed);
  const packages = packageChoice(passed);
  const stashes: StashOrder = { names: flags.stash, fromRegistry };
  const stack = unopenedStashes(stashes);
  checkTarget(target);
  const settings = await readSettings(globals.ashlar);
  const source =
    directory === undefined ? undefined : await readKiwi({ directory, kiwiFile: globals.kiwiFile });
  await makeSystem(
    { source, stack, stashes, changes, packages, keepsTree: true, target, settings },
    globals,
    withCache(flags, passed),
  );
}

/** What KIWI's cache was for is in ours. */
function withCache(flags: ResultFlags, { clearCache }: Pick<SystemBuildFlags, 'clearCache'>): ResultFlags {
  return clearCache ? { ...flags, cache: false } : flags;
}

/** A description from nothing, or on what its container is derived from. */
export async function systemBuild(globals: KiwiGlobals, flags: SystemBuildOrder): Promise<void> {
  const { description: directory } = flags;
  if (directory === undefined)
    throw new SystemUsageError('--description is missing: the directory of the description');
  const target = targetOf(flags);
  const changes = descriptionChanges(flags);
  const packages = packageChoice(flags);
  checkTarget(target);
  const settings = await readSettings(globals.ashlar);
  const source = await readKiwi({ directory, kiwiFile: globals.kiwiFile });
  await makeSystem(
    { source, stack: [], changes, packages, keepsTree: true, target, settings },
    globals,
    withCache(flags, flags),
  );
}

/** The description that is in a tree, once more. */
export async function systemCreate(globals: KiwiGlobals, flags: CreateFlags): Promise<void> {
  if (flags.root === undefined) throw new SystemUsageError('--root is missing: the tree to make an image of');
  const target = targetOf(flags);
  checkRoot(flags.root);
  const settings = await readSettings(globals.ashlar);
  // The tree may be in the target directory. It stays as it is, so that results are the same each time.
  const order = {
    source: undefined,
    stack: [],
    root: flags.root,
    changes: noChanges,
    packages: noPackageChoice,
    keepsTree: false,
    target,
    settings,
  };
  await makeSystem(order, globals, flags);
}

interface SystemOrder {
  /** Without one, the tree is built again by the description that is in it. */
  readonly source: KiwiSource | undefined;
  /** Of stashes: as they are called. */
  readonly stack: readonly Part[];
  readonly stashes?: StashOrder;
  /** The tree of a build: instead of a stack. */
  readonly root?: string;
  readonly changes: DescriptionChanges;
  readonly packages: PackageChoice;
  readonly keepsTree: boolean;
  /** Absolute. */
  readonly target: string;
  readonly settings: Settings;
}

async function makeSystem(order: SystemOrder, globals: KiwiGlobals, flags: ResultFlags): Promise<void> {
  const platform = platformOf(globals.architecture);
  await followed(globals.ashlar, flags, async heard => {
    const network = order.source ? 'host' : 'none';
    const { debug = false } = globals.ashlar;
    const options = systemBuildOptions(order.target, order.settings, { ...flags, debug }, network);
    using record = new RunLog(join(options.project.work, `log-${process.pid}`), heard);
    const { work } = record;
    const { log } = work;
    for (const option of globals.withoutEffect) log('warning', `${option} has no effect`);
    // Nobody is asked for anything as long as what is wanted makes no sense.
    if (order.source) planOf(order, order.source, globals, { stack: order.stack, platform, warn: () => {} });
    await using opened = new AsyncDisposableStack();
    const { stack, missing } = await stackOf(order, flags, options, opened, work);
    const warn: KiwiPlanOptions['warn'] = (text, at) => log('warning', withPlace(text, at));
    const choice = { stack, platform, warn };
    const { plan, format } = order.source
      ? planOf(order, order.source, globals, choice)
      : await planOfTree(order, globals, choice, options, work);
    if (flags.dryRun) return await showPlan(plan, { stack, missing }, flags, options, work);
    const records: BuildOptions['records'] = (made, pathFor) => {
      writeRecords(made, format, pathFor);
      // Beside the tree, where scripts look for it.
      if (order.keepsTree && globals.ashlar.logFile === undefined)
        record.copyTo(pathFor(`${IMAGE_ROOT}.log`));
    };
    const made = await build(plan, { ...options, records }, work);
    printLines(made.filter(({ file }) => file !== IMAGE_ROOT).map(({ path }) => path));
  });
}

type PlanChoice = Pick<KiwiPlanOptions, 'stack' | 'platform' | 'warn'>;

interface SystemPlan {
  readonly plan: Plan;
  /** What the files of bundles are called. */
  readonly format: string | undefined;
}

function planOf(
  order: SystemOrder,
  source: KiwiSource,
  globals: KiwiGlobals,
  choice: PlanChoice,
): SystemPlan {
  const { packages, keepsTree } = order;
  const options = { ...choice, environment: globals.environment, packages, keepsTree };
  const description = describe(source, order, globals, choice);
  const plan = order.source ? planBuild(description, options) : planRebuild(description, options);
  return { plan, format: bundleFormat(description) };
}

function describe(
  source: KiwiSource,
  order: SystemOrder,
  globals: KiwiGlobals,
  { warn }: PlanChoice,
): KiwiDescription {
  const { profiles, type, architecture } = globals;
  return resolveChanged(source, { profiles, type, architecture }, order.changes, warn);
}

/** By the description in the last tree. */
async function planOfTree(
  order: SystemOrder,
  globals: KiwiGlobals,
  choice: PlanChoice,
  options: BuildOptions,
  { emit, signal }: Followed,
): Promise<SystemPlan> {
  const last = choice.stack.at(-1);
  if (!last) throw new Error('a rebuild of nothing');
  if (last.kind !== 'image') throw new Error('a rebuild of what is no image');
  return withDirectoryOf(last, '/image', options, emit, signal, async directory => {
    if (directory === undefined) throw treeWithoutDescription(nameOfBase(last), last.at);
    const source = await readKiwiOfTree({ directory, kiwiFile: globals.kiwiFile }, '/image');
    return planOf(order, source, globals, choice);
  });
}

interface FoundStack {
  readonly stack: readonly Part[];
  /** Why it could not be had: only where nothing is to be built. */
  readonly missing?: string | undefined;
}

/** The trees as they are now: what a name stands for may change while we work. */
async function stackOf(
  { source, stack, stashes, root, settings }: SystemOrder,
  { dryRun }: ResultFlags,
  options: BuildOptions,
  opened: AsyncDisposableStack,
  work: Followed,
): Promise<FoundStack> {
  if (root !== undefined) return { stack: [await openRoot(root, options, work)] };
  if (!stashes) return { stack };
  const { log, signal } = work;
  try {
    const found = await openStashes(stashes, settings.store, options.project.work, signal, opened);
    for (const { name, digest } of found) log('info', `${name} is ${digest}`);
    return { stack: found.map(({ base }) => base) };
  } catch (error) {
    // Without its tree, a plan by a description of its own can be shown all the same.
    if (!dryRun || !source || !stashes.fromRegistry || !(error instanceof AshlarError)) throw error;
    return { stack, missing: `${stashes.names.join(', ')}: ${error.message}` };
  }
}

/** What would be built, of what parts of the stack disagree, and what of it cannot be had here. */
async function showPlan(
  plan: Plan,
  { stack, missing }: FoundStack,
  { json }: ResultFlags,
  options: BuildOptions,
  { emit, signal }: Followed,
): Promise<void> {
  const references = stack.flatMap(part => (part.kind === 'image' ? [part.reference] : []));
  const rules = { policy: 'warn', paths: [] } as const;
  const compared = missing === undefined && references.length > 1;
  const report = compared ? await reportStack(references, rules, options, emit, signal) : undefined;
  const unreachable = [
    ...(missing === undefined ? [] : [missing]),
    ...(await unreachableRepositories(plan, { options, emit, signal })),
  ];
  if (json) {
    const found = { plan, ...(report && { stack: report }), unreachable };
    printLines([JSON.stringify(found, publicValue, 2)]);
    return;
  }
  printLines([
    ...planLines(plan).map(withoutLogins),
    ...(report ? ['', ...reportLines(report, isColorful())] : []),
    ...(unreachable.length > 0
      ? ['', ...unreachable.map(line => withoutLogins(`cannot be fetched: ${line}`))]
      : []),
  ]);
}

async function build(plan: Plan, options: BuildOptions, work: Followed): Promise<readonly MadeOutput[]> {
  // Nothing is handed out but files: nobody wants to hear of it.
  mkdirSync(options.output, { recursive: true });
  const images = await buildImages(plan, options, work);
  return images.flatMap(({ outputs }) => outputs);
}

/** What KIWI and people read about the results. */
function writeRecords(
  made: readonly MadeOutput[],
  format: string | undefined,
  pathFor: (file: string) => string,
): void {
  const results = made.map(({ role, path, sha256 }) => ({
    role,
    path,
    ...(sha256 !== undefined && { sha256 }),
  }));
  for (const { file, sha256, kind } of made) {
    if (sha256 !== undefined && kind !== 'package-list')
      writeFileSync(pathFor(`${file}.sha256`), `${sha256}  ${basename(file)}\n`);
  }
  writeFileSync(pathFor('kiwi.result.json'), resultText(results, format));
}

function targetOf({ targetDir, json, dryRun }: ResultFlags): string {
  if (json && !dryRun) throw new SystemUsageError('--json goes with --dry-run');
  if (targetDir === undefined)
    throw new SystemUsageError('--target-dir is missing: the directory of the results');
  const target = resolve(targetDir);
  checkPlace(target);
  return target;
}

/** Nobody is to wait for results that cannot be written. @throws AshlarError */
function checkPlace(target: string): void {
  let place = target;
  while (!existsSync(place)) place = dirname(place);
  if (!statSync(place).isDirectory())
    throw new AshlarError(`--target-dir ${target}: ${place} is no directory`);
  try {
    accessSync(place, constants.W_OK);
  } catch (cause) {
    throw new AshlarError(`--target-dir ${target}: this user may not write to ${place}`, { cause });
  }
}

/** @throws AshlarError when a tree is there. */
function checkTarget(target: string): void {
  const root = join(target, IMAGE_ROOT);
  if (lstatSync(root, { throwIfNoEntry: false })) {
    throw new AshlarError(`image root dir: '${root}' already exists`, {
      hint: 'remove it, or choose another --target-dir',
    });
  }
}
