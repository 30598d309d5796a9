/** Stashes go to a registry or layout. */
import { openStash } from '../../engine/index.ts';
import { type Credentials, type Descriptor, ImageSender, parseReference } from '../../oci/index.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { wantsProgress } from '../progress.ts';
import type { GlobalFlags } from '../settings.ts';
import { type DestinationFlags, destinations } from './destinations.ts';

export interface StashPublishFlags extends DestinationFlags {
  /** `name` or `name:tag`. */
  readonly stash: readonly string[];
  readonly skipTls?: true;
  readonly showOnly?: true;
}

/** Sends stashes under their own tags, or under those that are given. */
export async function publishStashes(
  globals: GlobalFlags,
  store: string,
  flags: StashPublishFlags,
  credentials: Credentials | undefined,
): Promise<void> {
  const destinationsOf = destinations({ ...flags, layerType: ['tar'] }, [], true);
  const log = openLog(globals);
  using interruption = interruptible();
  const { signal } = interruption;
  const onBlob = wantsProgress(globals, process.stderr)
    ? ({ digest }: Descriptor) => process.stderr.write(`Copying blob ${digest}\n`)
    : undefined;
  const sender = new ImageSender({ credentials, insecure: flags.skipTls, signal, onBlob });
  for (const text of flags.stash) {
    const at = { file: 'command line', line: 1, column: 1, lineText: `--stash ${text}` };
    await using stash = await openStash(text, { store, at, temporary: store, signal });
    for (const { name, reference } of destinationsOf(text)) {
      log('info', flags.showOnly ? `would publish: ${text} to ${name}` : `publishing ${text} to ${name}`);
      if (!flags.showOnly) await sender.send(parseReference(stash.base.reference), reference);
    }
  }
}
