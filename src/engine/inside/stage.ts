import { join } from 'node:path';
import type { Call } from './call.ts';
import { atLocation } from './places.ts';
import type { StageRequest } from './requests.ts';
import { removeOthers, stage } from './staging.ts';

/** Copies imports to where scripts find them, and removes what does not belong there. */
export async function stageImports({ directory, keep, imports }: StageRequest, call: Call): Promise<null> {
  removeOthers(directory, new Set(keep));
  for (const { name, location, ...owner } of imports) {
    await atLocation(location, call, ({ path }) => stage(path, join(directory, name), owner));
  }
  return null;
}
