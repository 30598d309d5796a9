/** `cekit cache`: artifacts that are kept in the store, in the words of CEKit. */
import { createInterface } from 'node:readline/promises';
import {
  type ArtifactOptions,
  addArtifact,
  clearArtifacts,
  listArtifacts,
  removeArtifact,
} from '../../engine/index.ts';
import { checksumAlgorithms, checksumLength } from '../../plan/checksums.ts';
import type { Checksums } from '../../plan/types.ts';
import { printable } from '../../support/cells.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { readCekitConfig } from '../cekit/config.ts';
import { fetchOptions } from '../cekit/fetch.ts';
import { ashlarGlobals, type CekitGlobals } from '../cekit/globals.ts';
import { CekitUsageError } from '../cekit/usage.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { readSettings } from '../settings.ts';
import { printLines } from '../table.ts';

export async function cacheAdd(location: string, flags: Checksums, globals: CekitGlobals): Promise<void> {
  const checksums = readChecksums(flags);
  const options = await artifactOptions(globals);
  using interruption = interruptible();
  let uuid: string | undefined;
  try {
    uuid = await addArtifact({ location, checksums }, options, interruption.signal);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const { hint, cause } = error;
    throw new AshlarError(`Cannot cache artifact ${location}: ${messageOf(error)}`, { hint, cause });
  }
  const done = uuid === undefined ? 'is already cached!' : `cached with UUID '${uuid}'`;
  printLines([`Artifact ${location} ${done}`]);
}

export async function cacheList(globals: CekitGlobals): Promise<void> {
  const artifacts = listArtifacts(await artifactOptions(globals));
  if (artifacts.length === 0) printLines(['No artifacts cached!']);
  for (const { uuid, names, checksums } of artifacts) {
    const sums = checksumAlgorithms.flatMap(algorithm => {
      const sum = checksums[algorithm];
      return sum === undefined ? [] : [`  ${algorithm}: ${sum}`];
    });
    const named = names.length === 0 ? [] : ['  names:', ...names.map(name => `    - ${name}`)];
    // Names come from others: nothing in them may steer the terminal.
    printLines(['', `${uuid}:`, ...sums, ...named].map(printable));
  }
}

export async function cacheRemove(uuid: string, globals: CekitGlobals): Promise<void> {
  if (!removeArtifact(uuid, await artifactOptions(globals)))
    throw new AshlarError(`Artifact with UUID '${uuid}' doesn't exists in the cache`);
  printLines([`Artifact with UUID '${uuid}' removed`]);
}

/** Asks unless it is `sure`. */
export async function cacheClear(sure: boolean, globals: CekitGlobals): Promise<void> {
  const options = await artifactOptions(globals);
  if (!sure && !(await confirmed('Are you sure to remove all artifacts from cache? [y/N]: '))) return;
  clearArtifacts(options);
  printLines(['Artifact cache cleared!']);
  const left = listArtifacts(options).length;
  if (left > 0) openLog(ashlarGlobals(globals))('info', `${left} in the cache of CEKit itself stay there`);
}

async function artifactOptions(globals: CekitGlobals): Promise<ArtifactOptions> {
  const { store } = await readSettings(ashlarGlobals(globals));
  return { store, fetch: fetchOptions(readCekitConfig(globals)) };
}

function readChecksums(flags: Checksums): Checksums {
  const given = checksumAlgorithms.flatMap(algorithm => {
    const sum = flags[algorithm]?.toLowerCase();
    if (sum === undefined) return [];
    if (new RegExp(`^[0-9a-f]{${checksumLength[algorithm]}}$`).test(sum)) return [[algorithm, sum] as const];
    throw new CekitUsageError(`--${algorithm} takes ${checksumLength[algorithm]} hexadecimal digits`);
  });
  if (given.length === 0) throw new CekitUsageError('At least one checksum must be provided');
  return Object.fromEntries(given);
}

/** No where there is nobody to answer. */
async function confirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>(resolve => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(question), ended]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
