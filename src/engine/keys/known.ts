/** What is known of sources and steps without making anything. */
import type { Source } from '../../plan/types.ts';
import type { LookContext } from '../context.ts';
import { knownLayer } from '../layer-records.ts';
import { peekDownload } from '../sources/downloads.ts';
import type { FileIdentity } from '../sources/identity.ts';
import { resolveSource } from '../sources/sources.ts';
import type { KnownLayers } from '../stacking/outline.ts';
import type { LayerRecord } from '../values.ts';

/** What a source is now. What only a build can tell stands there in brackets, which no identity has. */
export async function identityOf(
  source: Source,
  image: string,
  known: ReadonlyMap<string, readonly LayerRecord[]>,
  context: LookContext,
): Promise<FileIdentity> {
  if (source.kind === 'image' && !known.has(source.image))
    return { identity: `(of ${source.image}, which will be rebuilt)`, type: 'file' };
  if (source.kind === 'http') {
    const sha256 = await peekDownload(source, context);
    return { identity: sha256 === undefined ? '(not downloaded yet)' : `http ${sha256}`, type: 'file' };
  }
  const { identity, type } = await resolveSource(source, image, context);
  return { identity, type };
}

/** The layers of a finished step (one, or none when it changed nothing); undefined when it has to be done. */
export async function resultOf(key: string, context: LookContext): Promise<KnownLayers | undefined> {
  const step = context.store.database.step(key);
  if (!step) return undefined;
  if (step.diffId === undefined) return { layers: [] };
  const layer = await knownLayer(step.diffId, 'any', context);
  return layer && { layers: [layer] };
}
