/** Where `publish` sends images, in the words of stacker. */
import { type ImageReference, parseReference } from '../../oci/index.ts';
import { typesOf } from '../../plan/names.ts';
import type { ImagePlan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { layerTypes, tagSuffix } from '../layer-types.ts';

export interface Destination {
  /** Of the image in our own layout. */
  readonly tag: string;
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
 * Where an image of the files is to go: once per tag and form of its layers. What a descriptor describes has names
 * with tags of its own, which count where none are given.
 * @throws UsageError, AshlarError for flags that name no destination.
 */
export function destinations(
  { url, tag: tags, layerType: types }: DestinationFlags,
  files: readonly string[],
  fromDescriptor: boolean,
): (image: string, published?: Pick<ImagePlan, 'tags' | 'forms'>) => readonly Destination[] {
  if (!url) throw new UsageError('--url is a mandatory argument for publishing');
  const usual = layerTypes(types);
  if (tags.length === 0 && !fromDescriptor) {
    throw new UsageError(`can't save OCI images in ${files.join(', ')} since list of tags is empty`, {
      hint: 'give at least one --tag',
    });
  }
  const place = placeIn(url);
  return (image, published = {}) => {
    const { tags: names = [image] } = published;
    const suffixes = typesOf(published, usual).map(tagSuffix);
    const [first = image] = names;
    const own = names.map(name => ({ name, ...splitName(name) }));
    const wanted = tags.length > 0 ? tags.map(tag => ({ name: first, ...splitName(first), tag })) : own;
    return wanted.flatMap(({ name, path, tag }) =>
      suffixes.map(suffix => ({ ...place(path, tag + suffix), tag: name + suffix })),
    );
  };
}

/** `some/app:12` is 12 of some/app, whatever registry it names. */
function splitName(name: string): { readonly path: string; readonly tag: string } {
  const [, path = name, tag = 'latest'] = /^(.*?)(?::([^/:]*))?$/s.exec(name) ?? [];
  const [host = '', ...rest] = path.split('/');
  return { path: rest.length > 0 && /[.:]|^localhost$/.test(host) ? rest.join('/') : path, tag };
}

type Place = (image: string, tag: string) => Omit<Destination, 'tag'>;

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
