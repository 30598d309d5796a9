/** From flags to a Plan: what the commands that read descriptions of images have in common. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { FetchOptions } from '../../engine/index.ts';
import { hostPlatform } from '../../oci/index.ts';
import type { Plan } from '../../plan/types.ts';
import { loadStackerPlan, type StackerOptions, type StackerRecipe } from '../../recipes/stacker/index.ts';
import { type DescriptorFlags, givenDescriptorFlags } from '../cekit/flags.ts';
import { UsageError } from '../failure.ts';
import { type DescriptionFlags, givenDescriptionFlags } from '../kiwi/description-flags.ts';
import { type Log, withPlace } from '../log.ts';
import type { Settings } from '../settings.ts';
import { VERSION } from '../version.ts';

/** The flags that decide what is planned, as commander gives them. */
export interface PlanFlags extends DescriptorFlags, DescriptionFlags {
  readonly stackerFile: readonly string[];
  readonly substitute: readonly string[];
  readonly substituteFile: readonly string[];
  readonly strictSubstitution?: true;
  readonly requireHash?: true;
  readonly applyConsiderTimestamps?: true;
  readonly annotationsNamespace: string;
  readonly stackerYaml?: boolean;
}

/** What commands need of a description, whatever its format. What it has checked out stays until it is disposed of. */
export interface Recipe extends Disposable {
  readonly plan: Plan;
  /** The files in the order in which they are built: of a descriptor, itself and the images that are handed out. */
  readonly order: StackerRecipe['order'];
  /** How files come from elsewhere. */
  readonly fetch?: FetchOptions;
}

/** What some commands have to say about the plan on top. */
export interface LoadOptions {
  /** Names of the image of a descriptor. */
  readonly tags?: readonly string[] | undefined;
  /** What a placeholder without a value stands for in stacker files. */
  readonly missingValue?: string;
}

/** What the flags name: stacker files, one CEKit descriptor, or one KIWI description. */
export type Described =
  | { readonly kind: 'stacker'; readonly files: readonly string[] }
  | { readonly kind: 'cekit'; readonly descriptor: string }
  | { readonly kind: 'kiwi'; readonly directory: string };

const USUAL_STACKER_FILE = 'stacker.yaml';
const USUAL_DESCRIPTOR = 'image.yaml';

/** The plan of what the flags name. @throws AshlarError, UsageError for flags of the other format. */
export async function loadRecipe(
  settings: Settings,
  flags: PlanFlags,
  log: Log,
  signal: AbortSignal,
  { tags = [], missingValue }: LoadOptions = {},
): Promise<Recipe> {
  const described = await describedBy(flags, log);
  if (described.kind === 'stacker') {
    refuse(tags.length > 0 ? ['--tag'] : [], 'CEKit descriptors', `${described.files.join(', ')} is none`);
    const options = stackerOptions(settings, { ...flags, stackerFile: described.files }, log);
    const recipe = await loadStackerPlan({
      ...options,
      ...(missingValue !== undefined && { missingValue }),
    });
    return { ...recipe, [Symbol.dispose]: () => {} };
  }
  if (described.kind === 'kiwi') return kiwiRecipe(described.directory, flags, log);
  const { descriptor } = described;
  const [{ loadDescriptor, planOf }, { readCekitConfig }] = await Promise.all([
    import('../cekit/load.ts'),
    import('../cekit/config.ts'),
  ]);
  const order = { descriptor, tags, flags, config: readCekitConfig({}), store: settings.store };
  const loaded = await loadDescriptor(order, log, signal);
  const plan = await planOf(loaded).catch((error: unknown) => {
    loaded[Symbol.dispose]();
    throw error;
  });
  const images = plan.images.filter(({ emit }) => emit).map(({ name }) => name);
  return {
    plan,
    order: [{ path: resolve(descriptor), typed: descriptor, requires: [], images }],
    fetch: loaded.fetch,
    [Symbol.dispose]: () => loaded[Symbol.dispose](),
  };
}

async function kiwiRecipe(directory: string, flags: PlanFlags, log: Log): Promise<Recipe> {
  const { planDescription } = await import('../kiwi/description.ts');
  const plan = await planDescription(directory, flags, (text, at) => log('warning', withPlace(text, at)));
  return { plan, order: [], [Symbol.dispose]: () => {} };
}

/** Whether the flags name a descriptor. */
export async function meansDescriptor({ descriptor, stackerFile }: PlanFlags): Promise<boolean> {
  return (descriptor ?? (await descriptorAmong(stackerFile))) !== undefined;
}

/** Stacker files win where nothing is named. @throws UsageError for flags of the other format. */
export async function describedBy(flags: PlanFlags, log: Log): Promise<Described> {
  if (flags.description !== undefined) return descriptionOf(flags.description, flags);
  refuse(givenDescriptionFlags(flags), 'KIWI descriptions', 'there is no --description');
  const { stackerFile: files, descriptor = await descriptorAmong(files) } = flags;
  if (descriptor !== undefined) {
    if (flags.descriptor !== undefined && !isUsual(files)) throw notWithOthers(descriptor);
    refuse(givenStackerFlags(flags), 'stacker files', `${descriptor} is a CEKit descriptor`);
    return { kind: 'cekit', descriptor };
  }
  if (isUsual(files) && (await looksLikeDescriptor(USUAL_DESCRIPTOR))) {
    const text = `using ${USUAL_STACKER_FILE}; --descriptor ${USUAL_DESCRIPTOR} takes the descriptor beside it`;
    log('info', text);
  }
  refuse(givenDescriptorFlags(flags), 'CEKit descriptors', `${files.join(', ')} is none`);
  return { kind: 'stacker', files };
}

function descriptionOf(directory: string, flags: PlanFlags): Described {
  const why = `${directory} has a KIWI description`;
  const others = [
    ...(isUsual(flags.stackerFile) ? [] : ['--stacker-file']),
    ...(flags.descriptor === undefined ? [] : ['--descriptor']),
  ];
  refuse(others, 'other formats', why);
  refuse(givenStackerFlags(flags), 'stacker files', why);
  refuse(givenDescriptorFlags(flags), 'CEKit descriptors', why);
  return { kind: 'kiwi', directory };
}

/** Whether there is something to read a plan from. */
export function isDescribed({ descriptor, stackerFile }: PlanFlags): boolean {
  if (descriptor !== undefined || stackerFile.some(file => existsSync(file))) return true;
  return isUsual(stackerFile) && existsSync(USUAL_DESCRIPTOR);
}

function isUsual(files: readonly string[]): boolean {
  return files.length === 1 && files[0] === USUAL_STACKER_FILE;
}

async function descriptorAmong(files: readonly string[]): Promise<string | undefined> {
  if (isUsual(files)) {
    return !existsSync(USUAL_STACKER_FILE) && existsSync(USUAL_DESCRIPTOR) ? USUAL_DESCRIPTOR : undefined;
  }
  for (const file of files) {
    if (!(await looksLikeDescriptor(file))) continue;
    if (files.length === 1) return file;
    throw notWithOthers(file);
  }
  return undefined;
}

function notWithOthers(descriptor: string): UsageError {
  return new UsageError(`${descriptor} is a CEKit descriptor, which is built without other files`);
}

async function looksLikeDescriptor(file: string): Promise<boolean> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  const text = readFileSync(file, 'utf8');
  // Most stacker files do not come so far.
  if (!/^-|\b(?:name|version)["']?\s*:/m.test(text)) return false;
  const { isDescriptor } = await import('../../recipes/cekit/index.ts');
  return isDescriptor(text);
}

/** @throws UsageError when there are flags. */
function refuse(flags: readonly string[], format: string, why: string): void {
  const [flag] = flags;
  if (flag !== undefined) throw new UsageError(`${flag} is for ${format}, and ${why}`);
}

/** The flags that were given, as they are written. */
function givenStackerFlags(flags: PlanFlags): readonly string[] {
  const given: Readonly<Record<string, boolean | undefined>> = {
    '--substitute': flags.substitute.length > 0,
    '--substitute-file': flags.substituteFile.length > 0,
    '--strict-substitution': flags.strictSubstitution,
    '--require-hash': flags.requireHash,
    '--apply-consider-timestamps': flags.applyConsiderTimestamps,
    '--no-stacker-yaml': flags.stackerYaml === false,
  };
  return Object.keys(given).filter(name => given[name]);
}

export function stackerOptions(settings: Settings, flags: PlanFlags, log: Log): StackerOptions {
  return {
    files: flags.stackerFile,
    substitutions: flags.substitute,
    substituteFiles: flags.substituteFile,
    stackerDir: settings.stackerDir,
    rootsDir: settings.rootsDir,
    ociDir: settings.ociDir,
    workDir: settings.workDir,
    cwd: process.cwd(),
    annotationsNamespace: flags.annotationsNamespace,
    version: VERSION,
    requireHash: flags.requireHash ?? false,
    strictSubstitution: flags.strictSubstitution ?? false,
    considerTimestamps: flags.applyConsiderTimestamps ?? false,
    storeText: flags.stackerYaml ?? true,
    hostPlatform: hostPlatform(),
    warn: (message, at) => log('warning', withPlace(message, at)),
    debug: message => log('debug', message),
  };
}
