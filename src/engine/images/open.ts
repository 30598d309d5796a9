/** Images that are named on a command line: in a registry, in a layout, or among the results of this project. */
import { type ImageConfig, openImage, parseReference } from '../../oci/index.ts';
import type { LookContext } from '../context.ts';
import { layersOf } from '../sources/bases.ts';
import type { LayerRecord } from '../values.ts';

export interface NamedImage {
  /** As it was typed. */
  readonly name: string;
  /** Bottom to top. */
  readonly layers: readonly LayerRecord[];
  readonly config: ImageConfig;
  /** Of the manifest. */
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The image of `docker://host/repository:tag`, `oci:directory:tag`, or a tag of the layout that results go to. Of an
 * image for several platforms, this machine's. Layers are fetched when somebody asks for them.
 * @throws AshlarError when it cannot be had.
 */
export async function openNamed(name: string, context: LookContext): Promise<NamedImage> {
  const { options, signal } = context;
  const reference = isReference(name)
    ? parseReference(name)
    : ({ transport: 'oci', path: options.output, tag: name } as const);
  const opened = await openImage(reference, { signal });
  const layers = layersOf(opened, opened, name, context);
  return { name, layers, config: opened.config, annotations: opened.manifest.annotations ?? {} };
}

/** Whether a name says where the image is; it is a tag of this project's layout otherwise. */
export function isReference(name: string): boolean {
  return /^[a-z-]+:\/\/|^oci:/.test(name);
}
