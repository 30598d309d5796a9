import type { Plan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { StackerFile } from './file.ts';
import { prerequisitesOf, readFiles } from './files.ts';
import { gitVersion } from './git.ts';
import { readLayer } from './layer.ts';
import type { StackerOptions } from './options.ts';
import { addFileOrder, buildOrder, checkBoundSources, type UnorderedImage } from './order.ts';

export interface StackerRecipe {
  readonly plan: Plan;
  /** The files in the order in which they are built: prerequisites first, else by absolute path. */
  readonly order: readonly OrderedFile[];
}

interface OrderedFile {
  /** Absolute. */
  readonly path: string;
  /** As the user typed it; absent for a file that only other files name. */
  readonly typed?: string;
  /** The absolute paths of its prerequisites. */
  readonly requires: readonly string[];
  /** The names of its images, in the order of the plan. */
  readonly images: readonly string[];
}

/**
 * Reads stacker files and all their prerequisites and makes one plan of them. The same input gives the same plan.
 * Every mistake in the input is an `AshlarError` with its place.
 */
export async function loadStackerPlan(options: StackerOptions): Promise<StackerRecipe> {
  const files = await readFiles(options);
  return planOf(files, await annotationsOf(files, options), options);
}

/** The plan of files that are read. `annotations` are those that every image of a file gets. */
export function planOf(
  files: readonly StackerFile[],
  annotations: ReadonlyMap<StackerFile, Readonly<Record<string, string>>>,
  options: StackerOptions,
): StackerRecipe {
  const fileOfLayer = checkUniqueLayers(files);
  const images: UnorderedImage[] = [];
  const order: OrderedFile[] = [];
  for (const file of files) {
    const unordered = file.layers.map(layer => readLayer(layer, file, annotations.get(file) ?? {}, options));
    const available = new Set(
      prerequisitesOf(file, files).flatMap(({ layers }) => layers.map(({ name }) => name)),
    );
    const ordered = buildOrder(unordered, available, fileOfLayer, options);
    images.push(...ordered);
    order.push({
      path: file.path,
      ...(file.typed !== undefined && { typed: file.typed }),
      requires: file.prerequisites.map(({ path }) => path),
      images: ordered.map(({ name }) => name),
    });
  }
  checkBoundSources(images);
  return { plan: { images: addFileOrder(images, options) }, order };
}

/** The name of the file of each layer. */
function checkUniqueLayers(files: readonly StackerFile[]): Map<string, string> {
  const fileOfLayer = new Map<string, string>();
  for (const file of files) {
    for (const { name, at } of file.layers) {
      const other = fileOfLayer.get(name);
      if (other !== undefined) {
        throw new AshlarError(`duplicate layer name: both ${other} and ${file.name} have ${name}`, { at });
      }
      fileOfLayer.set(name, file.name);
    }
  }
  return fileOfLayer;
}

/** The annotations that every image of a file gets. */
async function annotationsOf(
  files: readonly StackerFile[],
  { annotationsNamespace, storeText, version, debug }: StackerOptions,
): Promise<Map<StackerFile, Record<string, string>>> {
  const directories = [...new Set(files.map(({ directory }) => directory))];
  const versions = new Map(
    await Promise.all(
      directories.map(async directory => [directory, await gitVersion(directory, debug)] as const),
    ),
  );
  const prefix = `${annotationsNamespace}.stacker`;
  return new Map(
    files.map(file => {
      const gitVersion = versions.get(file.directory);
      const annotations = {
        ...(storeText && { [`${prefix}.stacker_yaml`]: file.source.text }),
        [`${prefix}.stacker_version`]: version,
        ...(gitVersion !== undefined && { [`${prefix}.git_version`]: gitVersion }),
      };
      return [file, annotations];
    }),
  );
}
