/**
 * The account of a stack that an image carries in an annotation: what it was made of, by which rules, and what was
 * decided. It comes with images of anybody, and is believed only as far as `verifyStack` proves it.
 */
import { AshlarError, messageOf } from '../support/errors.ts';
import type { StackDecision } from './decision.ts';
import { orderOf } from './order.ts';
import type { ConflictPolicy, ConflictRules, StackPart } from './types.ts';

/** The annotation of a manifest that holds the record of how its lowest layers were stacked. */
export const STACK_ANNOTATION = 'dev.ashlar.stack';

/** Layers are numbers: places among the layers of the image, from the bottom, so that they hold for every form. */
export interface StackRecord {
  readonly version: 1;
  readonly parts: readonly { readonly name: string; readonly layers: readonly number[] }[];
  readonly rules: ConflictRules;
  readonly moved: readonly { readonly layer: number; readonly reason: string }[];
  /** The first ones; `conflictCount` is the number of all. */
  readonly conflicts: readonly {
    readonly kind: string;
    readonly path: string;
    readonly winner: string;
    readonly policy: string;
  }[];
  readonly conflictCount: number;
  /** With the first paths; `count` is the number of all. */
  readonly merged: readonly {
    readonly merger: string;
    readonly paths: readonly string[];
    readonly count: number;
  }[];
  /** The layer with corrections. */
  readonly extra?: number;
  /** The layer that programs of the image have made. */
  readonly regenerated?: number;
}

export interface RecordedLayers {
  /** Whether a layer with the corrections follows the stacked ones. */
  readonly extra: boolean;
  /** Whether a layer that programs of the image have made follows. */
  readonly regenerated: boolean;
}

/** So many conflicts and merged paths are told one by one: manifests have to stay small. */
const TOLD = 100;

/** The text for the annotation. */
export function stackRecord(
  parts: readonly StackPart[],
  rules: ConflictRules,
  decision: StackDecision,
  made: RecordedLayers,
): string {
  const { order, moved, conflicts, merged } = decision;
  const places = new Map(order.map((id, place) => [id, place]));
  const placeOf = (id: string): number => {
    const place = places.get(id);
    if (place === undefined) throw new Error(`${id} is no layer of the stack`);
    return place;
  };
  const record: StackRecord = {
    version: 1,
    parts: parts.map(({ name, layers }) => ({ name, layers: layers.map(({ id }) => placeOf(id)) })),
    rules: { policy: rules.policy, paths: rules.paths.map(({ glob, policy }) => ({ glob, policy })) },
    moved: moved.map(({ layer, reason }) => ({ layer: placeOf(layer), reason })),
    conflicts: conflicts
      .slice(0, TOLD)
      .map(({ kind, path, winner, policy }) => ({ kind, path, winner, policy })),
    conflictCount: conflicts.length,
    merged: merged.map(({ merger, paths }) => ({ merger, paths: paths.slice(0, TOLD), count: paths.length })),
    ...(made.extra && { extra: order.length }),
    ...(made.regenerated && { regenerated: order.length + (made.extra ? 1 : 0) }),
  };
  return JSON.stringify(record);
}

/** No record that we write is larger, and no image has more layers. */
const LONGEST = 1024 * 1024;
const MOST_LAYERS = 4096;

/** Reads the annotation of an image. Throws an AshlarError for whatever is no record of ours. */
export function parseStackRecord(text: string): StackRecord {
  try {
    if (text.length > LONGEST) throw new Error('it is too long');
    const record = fields(JSON.parse(text), 'the record');
    if (record.version !== 1) throw new Error(`it has version ${JSON.stringify(record.version)}`);
    const parsed: StackRecord = {
      version: 1,
      parts: list(record.parts, 'parts').map(each => {
        const { name, layers } = fields(each, 'a part');
        return { name: string(name, 'a name'), layers: list(layers, 'layers').map(placeIn) };
      }),
      rules: parseRules(record.rules),
      moved: list(record.moved, 'moved').map(each => {
        const { layer, reason } = fields(each, 'a moved layer');
        return { layer: placeIn(layer), reason: string(reason, 'a reason') };
      }),
      conflicts: list(record.conflicts, 'conflicts').map(each => {
        const { kind, path, winner, policy } = fields(each, 'a conflict');
        return {
          kind: string(kind, 'a kind'),
          path: string(path, 'a path'),
          winner: string(winner, 'a winner'),
          policy: parsePolicy(policy),
        };
      }),
      conflictCount: count(record.conflictCount),
      merged: list(record.merged, 'merged').map(each => {
        const { merger, paths, count: all } = fields(each, 'a merge');
        return {
          merger: string(merger, 'a merger'),
          paths: list(paths, 'paths').map(path => string(path, 'a path')),
          count: count(all),
        };
      }),
      ...(record.extra !== undefined && { extra: placeIn(record.extra) }),
      ...(record.regenerated !== undefined && { regenerated: placeIn(record.regenerated) }),
    };
    checkPlaces(parsed);
    return parsed;
  } catch (cause) {
    throw new AshlarError(`the annotation ${STACK_ANNOTATION} is no record of a stack: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The layers of the parts are the lowest of the image, in the order in which stacking puts them; its own follow. */
function checkPlaces({ parts, moved, extra, regenerated }: StackRecord): void {
  const places = new Set(parts.flatMap(({ layers }) => layers));
  if ([...places].some(place => place >= places.size)) throw new Error('layers are missing');
  if (extra !== undefined && extra !== places.size) throw new Error('the place of its own layer is wrong');
  const above = places.size + (extra === undefined ? 0 : 1);
  if (regenerated !== undefined && regenerated !== above)
    throw new Error('the place of its own layer is wrong');
  const stacked = parts.map(({ name, layers }) => ({
    name,
    layers: layers.map(place => ({ id: String(place), contents: () => Promise.reject() })),
  }));
  const order = orderOf(stacked, new Set(moved.map(({ layer }) => String(layer))));
  if (order.some((id, place) => id !== String(place))) throw new Error('the order of its layers is wrong');
}

function parseRules(value: unknown): ConflictRules {
  const { policy, paths } = fields(value, 'rules');
  return {
    policy: parsePolicy(policy),
    paths: list(paths, 'rules by path').map(each => {
      const rule = fields(each, 'a rule');
      return { glob: parseGlob(rule.glob), policy: parsePolicy(rule.policy) };
    }),
  };
}

const POLICIES: readonly ConflictPolicy[] = ['error', 'warn', 'last', 'first'];

function parsePolicy(value: unknown): ConflictPolicy {
  const policy = POLICIES.find(known => known === value);
  if (policy === undefined) throw new Error(`${JSON.stringify(value)} is no rule for conflicts`);
  return policy;
}

/** Wildcards that repeat what repeats take ages to fail: nobody's image shall make us try. */
function parseGlob(value: unknown): string {
  const glob = string(value, 'a glob');
  const components = glob.split('/');
  const stars = (part: string) => part.split('*').length - 1;
  if (
    glob.length > 1000 ||
    components.filter(part => part.includes('**')).length > 4 ||
    components.some(part => stars(part) > 3) ||
    glob.split(/[{[]/).length > 8 ||
    /[(]|[\]}]\+/.test(glob)
  ) {
    throw new Error('a rule is too complicated');
  }
  return glob;
}

function fields(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} is no object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is no list`);
  return value;
}

function string(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} is no text`);
  return value;
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new Error('a number is missing');
  return Number(value);
}

function placeIn(value: unknown): number {
  const place = count(value);
  if (place >= MOST_LAYERS) throw new Error(`no image has ${place} layers`);
  return place;
}
