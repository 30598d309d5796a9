import { formatPlatform, type OpenedImage, openImages, openLayout } from '../../oci/index.ts';
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
    const { images } = await openImages({ transport: 'oci', path: ociDir, digest: descriptor.digest });
    for (const image of images) {
      const title = images.length > 1 ? `${name} (${formatPlatform(image.config)})` : name;
      process.stdout.write(`${linesOf(title, image).join('\n')}\n`);
    }
  }
}

function linesOf(title: string, { manifest, config }: OpenedImage): readonly string[] {
  const layers = manifest.layers.map(
    ({ digest, size, mediaType }, i) =>
      `\tlayer ${i}: ${digest.split(':')[1]?.slice(0, 12)}... (${decimalSize(size)}, ${mediaType})`,
  );
  const annotations = Object.entries(manifest.annotations ?? {}).map(([key, value]) => `  ${key}: ${value}`);
  const lines = [title, ...layers, 'Annotations:', ...annotations, 'Image config:'].map(printable);
  return [...lines, printableJson(config)];
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
