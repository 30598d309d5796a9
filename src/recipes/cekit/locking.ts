/** From what a build has found out to a lock. */
import type { ImagePlan, Plan } from '../../plan/types.ts';
import { ANY_VERSION, type Lock } from './lock.ts';
import type { Description, Located, Stage } from './model.ts';
import type { CekitOptions } from './options.ts';
import { referencedImage } from './plan/references.ts';

/** What has become of a plan. */
export interface BuildFacts {
  /** Digests by the references of the plan. */
  readonly images: ReadonlyMap<string, string>;
  /** SHA-256 by URL. */
  readonly downloads: ReadonlyMap<string, string>;
  /** Versions by name, for the images of the plan that install packages. */
  readonly packages: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** The images of the plan in which packages are installed. */
export function imagesWithPackages(description: Description, plan: Plan): ReadonlySet<string> {
  const stages = stagesOf(description, plan).filter(([stage]) => installedBy(stage).length > 0);
  return new Set(stages.map(([, image]) => image.name));
}

/** @param commits What was checked out, by `url#ref`. */
export function lockOf(
  description: Description,
  plan: Plan,
  facts: BuildFacts,
  commits: ReadonlyMap<string, string>,
  options: Pick<CekitOptions, 'cwd'>,
): Lock {
  const images = namedImages(description).flatMap(image => {
    const digest = facts.images.get(referencedImage(image, options).reference);
    return digest === undefined ? [] : [[image.text, digest] as const];
  });
  const packages = stagesOf(description, plan).flatMap(([stage, image]) => {
    const names = installedBy(stage);
    const versions = facts.packages.get(image.name);
    const entries = names.map(name => [name, versions?.get(name) ?? ANY_VERSION] as const);
    return names.length === 0 ? [] : [[stage.name.text, Object.fromEntries(entries)] as const];
  });
  return {
    images: Object.fromEntries(images),
    repositories: Object.fromEntries(commits),
    artifacts: Object.fromEntries(facts.downloads),
    packages: Object.fromEntries(packages),
  };
}

/** Each stage with its image; of several platforms the last one. */
function stagesOf(
  { builders, target }: Description,
  { images }: Plan,
): readonly (readonly [Stage, ImagePlan])[] {
  const stages = [...builders, target];
  // Images that are only named come before those of the stages.
  const own = images.slice(-stages.length);
  return stages.flatMap((stage, i) => {
    const image = own[i];
    return image ? [[stage, image] as const] : [];
  });
}

function installedBy({ modules, image }: Stage): readonly string[] {
  const names = [...modules, image].flatMap(({ install }) => install.map(({ text }) => text));
  return [...new Set(names)];
}

/** What is named by reference: bases, and where artifacts come from. */
function namedImages({ builders, target }: Description): readonly Located[] {
  const stages = [...builders, target];
  return stages.flatMap(({ from, modules, image }, i) => {
    const earlier = new Set(stages.slice(0, i).map(({ name }) => name.text));
    const artifacts = [...modules, image].flatMap(section => section.artifacts);
    const sources = artifacts.flatMap(artifact => (artifact.kind === 'image' ? [artifact.image] : []));
    const bases = from.text === 'scratch' ? [] : [from];
    return [...bases, ...sources].filter(({ text }) => !earlier.has(text));
  });
}
