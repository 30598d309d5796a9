/** What results depend on, part by part: for cache keys, and for people who ask what has changed. */
import type { ParentDirectory, Squashed } from '../../layers/index.ts';
import type { CopyItem, ImagePlan, LabelScript, RunEnvironment, RunStep, Squash } from '../../plan/types.ts';
import type { PlainChange } from '../config.ts';
import type { BuildOptions } from '../context.ts';
import { chainOf } from '../layer-records.ts';
import type { FileIdentity } from '../sources/identity.ts';
import type { SettledConfig } from '../state.ts';
import { toPlain } from '../steps/plain-parents.ts';
import type { LayerRecord } from '../values.ts';
import { canonical, type KeyPart } from './keys.ts';

/** Parts that follow from what is below a step. They are left out where that is not known. */
export const BELOW = {
  layers: 'layers below',
  parents: 'directories above',
  time: 'newest time below',
  program: 'program of this machine',
} as const;

/** What the names of parts begin with that are hashes of what is nothing for logs: files may hold passwords, too. */
export const HIDDEN = { passwords: 'passwords of ', text: 'text of ' } as const;

export function tarParts({ identity }: FileIdentity, options: BuildOptions): readonly KeyPart[] {
  return [['content', identity], epochPart(options)];
}

/** An item of a copy and what is known of it. */
export interface KnownItem {
  readonly item: Pick<CopyItem, 'keep' | 'mode' | 'uid' | 'gid' | 'extract' | 'throughLinks'>;
  readonly identity: string;
  /** The path in the image with links followed. */
  readonly target: string;
}

/**
 * Layers count where links of the image do.
 * @param parents The directories that the image has on the way.
 * @param time What no file of the copy is later than, where that follows from what is below.
 */
export function copyParts(
  items: readonly KnownItem[],
  parents: readonly ParentDirectory[] | undefined,
  layers: readonly LayerRecord[] | undefined,
  time: number | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  const throughLinks = items.some(({ item }) => item.extract || item.throughLinks);
  const names = items.length > 1 ? namesOfItems(items) : [];
  return [
    ...items.flatMap((item, i) => itemParts(item, names[i])),
    ...(parents ? [[BELOW.parents, canonical(parents.map(toPlain))] as const] : []),
    ...(throughLinks && layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ...(time === undefined ? [] : [[BELOW.time, String(time)] as const]),
    epochPart(options),
  ];
}

function itemParts({ item, identity, target }: KnownItem, name: string | undefined): readonly KeyPart[] {
  const { keep, mode, uid, gid, extract, throughLinks } = item;
  const parts: readonly KeyPart[] = [
    ['content', identity],
    ['target', target],
    ['keep', keep],
    ...(mode === undefined ? [] : [['mode', mode.toString(8)] as const]),
    ['owner', `${uid}:${gid}`],
    ...(extract ? [['extracted', 'yes'] as const] : []),
    ...(throughLinks ? [['through links', 'yes'] as const] : []),
  ];
  return name === undefined ? parts : parts.map(([part, value]) => [`${part} of ${name}`, value]);
}

/** What tells the items of one copy apart: where they go, and the how-manyth it is that goes there. */
function namesOfItems(items: readonly KnownItem[]): readonly string[] {
  return items.map(({ target }, i) => {
    const before = items.slice(0, i).filter(other => other.target === target).length;
    return before === 0 ? target : `${target} (${before + 1})`;
  });
}

/** Of layers that are put together: what they are, and what of them is kept. */
export function squashParts(
  layers: readonly LayerRecord[],
  { removed, opaque, omitted, described }: Squashed,
  without: readonly string[],
  options: BuildOptions,
): readonly KeyPart[] {
  return [
    ['layers', canonical(layers.map(({ diffId }) => diffId))],
    ['without', canonical(without)],
    ['removed', canonical(removed)],
    ['made anew', canonical(opaque)],
    ['left out', canonical(omitted)],
    [BELOW.parents, canonical(described.map(toPlain))],
    epochPart(options),
  ];
}

/** Of how layers of steps are put together, whatever they are. */
export function groupParts({ groups, without }: Squash): readonly KeyPart[] {
  return [
    ...groups.map(({ steps, createdBy }, i): KeyPart => [`layer ${i + 1}`, canonical([steps, createdBy])]),
    ['without', canonical(without)],
  ];
}

export function runParts(
  { script, surroundings }: Pick<RunStep, 'script' | 'surroundings'>,
  { imports, platform }: ImagePlan,
  identities: readonly FileIdentity[],
  layers: readonly LayerRecord[] | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  const environment = runEnvironment(surroundings.environment, options.environment);
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ['script', script],
    // The kind of terminal is nothing that a result may depend on.
    ...environmentParts(environment).filter(([name]) => name !== 'environment TERM'),
    ...imports.flatMap(({ name, mode, uid, gid }, i): KeyPart[] => [
      [`import ${name}`, identities[i]?.identity ?? ''],
      [`attributes of import ${name}`, canonical({ mode, uid, gid })],
    ]),
    ['import directories', canonical(surroundings.importDirectories)],
    ['binds', canonical(surroundings.binds.map(bind => [bind.source, bind.target]))],
    ['network', options.network],
    ['platform', canonical(platform)],
    epochPart(options),
  ];
}

/** The order of variables does not count: that of the host's is arbitrary. */
export function environmentParts(environment: Readonly<Record<string, string>>): readonly KeyPart[] {
  return sortedEntries(environment).map(([name, value]): KeyPart => [`environment ${name}`, value]);
}

export function labelParts(
  script: LabelScript,
  plan: ImagePlan,
  identities: readonly FileIdentity[],
  layers: readonly LayerRecord[] | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  return [
    ...runParts(script, plan, identities, layers, options),
    ['label directories', canonical(script.directories)],
  ];
}

/** Of the closing change to a config, without what it is applied to. */
export function configParts(
  change: PlainChange,
  { platform, createdBy }: Pick<ImagePlan, 'platform' | 'createdBy'>,
  options: BuildOptions,
): readonly KeyPart[] {
  return [
    ...changeParts(change),
    ['platform', canonical(platform)],
    ['created by', createdBy],
    epochPart(options),
  ];
}

/** Of a step that changes the config. */
export function configStepParts({ change, buildArguments }: SettledConfig): readonly KeyPart[] {
  return [
    ...changeParts(change),
    ...buildArguments.map(([name, value]): KeyPart => [`build argument ${name}`, value]),
  ];
}

function changeParts(change: PlainChange): readonly KeyPart[] {
  const { environment, defaultEnvironment = [], labels, volumes, ...rest } = change;
  return [
    ...environment.map(([name, value]): KeyPart => [`environment ${name}`, value]),
    ...defaultEnvironment.map(([name, value]): KeyPart => [`default of environment ${name}`, value]),
    ...sortedEntries(labels).map(([name, value]): KeyPart => [`label ${name}`, value]),
    ...volumes.map((path): KeyPart => [`volume ${path}`, '']),
    ...sortedEntries(rest).flatMap(([name, value]): KeyPart[] =>
      value === undefined ? [] : [[name, canonical(value)]],
    ),
  ];
}

function sortedEntries<T>(map: Readonly<Record<string, T>>): (readonly [string, T])[] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

export function epochPart({ sourceDateEpoch, steadyTimes }: BuildOptions): KeyPart {
  return ['SOURCE_DATE_EPOCH', String(sourceDateEpoch ?? (steadyTimes ? 'as below' : ''))];
}

/** The variables of a script: defaults, what passes through from the host, what the description sets. */
export function runEnvironment(
  { defaults, passThrough, set }: RunEnvironment,
  host: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const patterns = passThrough.map(pattern => new RegExp(`^(?:${pattern})$`));
  const passed = Object.entries(host).filter(
    (variable): variable is [string, string] =>
      variable[1] !== undefined && patterns.some(pattern => pattern.test(variable[0])),
  );
  return { ...defaults, ...Object.fromEntries(passed), ...set };
}
