/** Files that may have to come from elsewhere, with the front end's words where they cannot be had. */
import type { FileSource, HttpSource, KeptSource } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { StoredFile } from '../artifacts/stored-files.ts';
import { type LookContext, once, say } from '../context.ts';
import { canonical } from '../keys/keys.ts';
import { located } from '../located.ts';
import { MismatchError } from './checksums.ts';
import { download, fromElsewhere } from './downloads.ts';
import { missingHint } from './hints.ts';

type Fetchable = FileSource | HttpSource | KeptSource;

/** The file of a source that is not on the host. @throws AshlarError when nobody has it. */
export function fetched(source: Fetchable, image: string, context: LookContext): Promise<StoredFile> {
  const { at: _, messages: __, ...what } = source;
  return once(context, `fetched ${canonical(what)}`, () =>
    located(source.at, () => obtain(source, image, context)),
  );
}

async function obtain(source: Fetchable, image: string, context: LookContext): Promise<StoredFile> {
  const { messages = {}, at } = source;
  try {
    return source.kind === 'http'
      ? await download(source, image, context)
      : ((await fromElsewhere(source, image, context)) ?? nobodyHas(source));
  } catch (error) {
    if (!(error instanceof AshlarError) || error instanceof MismatchError) throw error;
    if (messages.warning !== undefined) say(context, image, 'warning', messages.warning);
    if (messages.missing === undefined) throw error;
    throw new AshlarError(messages.missing, { at, hint: messages.hint ?? error.hint, cause: error });
  }
}

function nobodyHas(source: FileSource | KeptSource): never {
  const { at } = source;
  if (source.kind === 'kept') throw new AshlarError(`Artifact ${source.name} could not be found`, { at });
  throw new AshlarError(`couldn't stat import ${source.path}`, { at, hint: missingHint(source.path) });
}
