/** `system info` and `system validate`: what a KIWI description means, and whether it is right. */
import { join, relative, resolve } from 'node:path';
import {
  type KiwiChoice,
  kiwiState,
  listKiwiStates,
  readKiwi,
  refusalsOf,
  resolveDescription,
} from '../../recipes/kiwi/index.ts';
import { chosenOf } from '../kiwi/description.ts';
import type { KiwiGlobals } from '../kiwi/globals.ts';
import { openLog, withPlace } from '../log.ts';

export interface SystemInfoFlags {
  /** The directory of the description. */
  readonly description: string;
}

/** Prints as JSON what was chosen, or all that can be chosen, as records. */
export async function systemInfo(
  globals: KiwiGlobals,
  { description: directory }: SystemInfoFlags,
): Promise<void> {
  const source = await readKiwi({ directory, kiwiFile: globals.kiwiFile });
  const file = join(directory, relative(resolve(directory), source.file));
  const choice = choiceOf(globals);
  const states =
    choice === undefined
      ? listKiwiStates(source, file, globals.architecture)
      : [kiwiState(resolveDescription(source, choice), file, choice.profiles.join(',') || null)];
  process.stdout.write(`${JSON.stringify(states, null, 2)}\n`);
}

/** Prints `valid`, with what a build would ignore or refuse as warnings. @throws AshlarErrors with all mistakes */
export async function systemValidate(
  globals: KiwiGlobals,
  { description: directory }: SystemInfoFlags,
): Promise<void> {
  const source = await readKiwi({ directory, kiwiFile: globals.kiwiFile });
  const log = openLog(globals.ashlar);
  const warnings = chosenOf(source, globals).flatMap(description => [
    ...refusalsOf(description, 'from nothing').map(({ message, at, hint }) =>
      [withPlace(`cannot be built: ${message}`, at), ...(hint === undefined ? [] : [`hint: ${hint}`])].join(
        '\n',
      ),
    ),
    ...description.remarks.map(({ text, at }) => withPlace(`without effect: ${text}`, at)),
  ]);
  for (const warning of new Set(warnings)) log('warning', warning);
  process.stdout.write('valid\n');
}

/** What the command line chooses, if it does. */
function choiceOf({ profiles, type, architecture }: KiwiGlobals): KiwiChoice | undefined {
  return profiles.length === 0 && type === undefined ? undefined : { profiles, type, architecture };
}
