/** What time the files have that a step writes, where nobody says it. */
import type { PackOptions } from '../../layers/index.ts';
import type { LookContext } from '../context.ts';
import type { ChangesPack, Written } from '../inside/request-parts.ts';
import { keyOf } from '../keys/keys.ts';
import { contentsOf } from '../layer-contents.ts';
import type { LayerRecord } from '../values.ts';

/** The latest time of what a step is to write. */
export function epochOf({ sourceDateEpoch, written }: ChangesPack): number | undefined {
  return sourceDateEpoch ?? written?.time;
}

/** For what is copied: it may have the time of a checkout. */
export function noneLater(pack: ChangesPack): PackOptions {
  const epoch = epochOf(pack);
  return epoch === undefined ? pack : { ...pack, sourceDateEpoch: epoch };
}

/** Of what nothing is below: some programs take 0 for no time at all. */
const FIRST_DAY = 24 * 60 * 60;

/**
 * For builds whose times are to follow from what goes into them: the newest time of the layers below. What is older
 * than now has its time from somewhere else, packages for example, and keeps it.
 */
export async function writtenNow(
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<Written | undefined> {
  const time = await timeBelow(layers, context);
  // The clock of file systems is a few milliseconds late.
  return time === undefined ? undefined : { time, since: Date.now() - 20 };
}

/** That time, in seconds since 1970; undefined for builds whose times are others. */
export async function timeBelow(
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<number | undefined> {
  const { sourceDateEpoch, steadyTimes } = context.options;
  if (sourceDateEpoch !== undefined || !steadyTimes) return undefined;
  const times = await Promise.all(layers.map(layer => newestOf(layer, context)));
  return Math.max(FIRST_DAY, ...times);
}

/** Remembered: keys of copies ask for it in every build. */
async function newestOf(layer: LayerRecord, context: LookContext): Promise<number> {
  const { database } = context.store;
  const key = keyOf('newest time of layer', [['layer', layer.diffId]]);
  const known = database.recall('lookups', key);
  if (typeof known === 'number') return known;
  let newest = 0n;
  for (const { mtime } of (await contentsOf(layer, context)).entries.values())
    if (mtime > newest) newest = mtime;
  const seconds = Number(newest / 1_000_000_000n);
  database.remember('lookups', key, seconds);
  return seconds;
}
