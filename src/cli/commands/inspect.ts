import { openImage, openLayout } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { decimalSize } from '../size.ts';

/** Prints the images of the OCI layout: layers with sizes, annotations, config. */
export async function inspect(globals: GlobalFlags, tag: string | undefined): Promise<void> {
  const { ociDir } = await readSettings(globals);
  openLog(globals);
  const layout = await openLayout(ociDir);
  const tags = await layout.tags();
  const chosen = tag === undefined ? tags : tags.filter(entry => entry.tag === tag);
  if (tag !== undefined && chosen.length === 0) {
    throw new AshlarError(`there is no image ${tag} in ${ociDir}`, {
      hint: `there are ${tags.map(entry => entry.tag).join(', ')}`,
    });
  }
  for (const { tag: name, descriptor } of chosen) {
    const { manifest, config } = await openImage({
      transport: 'oci',
      path: ociDir,
      digest: descriptor.digest,
    });
    const layers = manifest.layers.map(
      ({ digest, size, mediaType }, i) =>
        `\tlayer ${i}: ${digest.split(':')[1]?.slice(0, 12)}... (${decimalSize(size)}, ${mediaType})`,
    );
    const annotations = Object.entries(manifest.annotations ?? {}).map(
      ([key, value]) => `  ${key}: ${value}`,
    );
    const lines = [name, ...layers, 'Annotations:', ...annotations, 'Image config:'].map(printable);
    process.stdout.write(`${[...lines, printableJson(config)].join('\n')}\n`);
  }
}

/** JSON escapes only some of what steers terminals. */
function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    /[\u007f-\u009f]/g,
    character => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

/** Names and annotations come from strangers: nothing in them may steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
