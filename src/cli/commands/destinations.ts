/** Where `publish` sends images, in the words of stacker. */
import { type ImageReference, parseReference } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { layerTypes, tagSuffix } from '../layer-types.ts';

export interface Destination {
  /** Of the tag in our own layout. */
  readonly suffix: string;
  /** For people: as they gave the URL. */
  readonly name: string;
  readonly reference: ImageReference;
}

/** The flags that say where images go, as commander gives them. */
export interface DestinationFlags {
  readonly url?: string;
  readonly tag: readonly string[];
  readonly layerType: readonly string[];
}

/**
 * Where an image of the files is to go: once per tag and form of its layers.
 * @throws UsageError, AshlarError for flags that name no destination.
 */
export function destinations(
  { url, tag: tags, layerType: types }: DestinationFlags,
  files: readonly string[],
): (image: string) => readonly Destination[] {
  if (!url) throw new UsageError('--url is a mandatory argument for publishing');
  const suffixes = layerTypes(types).map(tagSuffix);
  if (tags.length === 0) {
    throw new UsageError(`can't save OCI images in ${files.join(', ')} since list of tags is empty`, {
      hint: 'give at least one --tag',
    });
  }
  const place = placeIn(url);
  return image => tags.flatMap(tag => suffixes.map(suffix => ({ suffix, ...place(image, tag + suffix) })));
}

type Place = (image: string, tag: string) => Omit<Destination, 'suffix'>;

function placeIn(url: string): Place {
  if (url.startsWith('docker://')) {
    const base = url.replace(/\/+$/, '');
    return (image, tag) => {
      const name = `${base}/${image}:${tag}`;
      return { name, reference: parseReference(name) };
    };
  }
  if (url.startsWith('oci:')) {
    const path = url.slice('oci:'.length);
    return (image, tag) => ({
      name: `${url}:${image}_${tag}`,
      reference: { transport: 'oci', path, tag: `${image}_${tag}` },
    });
  }
  throw new AshlarError(`unknown image source type: ${url}`, {
    hint: 'write docker://host/path or oci:directory',
  });
}
