/** Changes of descriptors from outside: override files, text of the command line, and what `--redhat` adds. */
import { AshlarError } from '../../../support/errors.ts';
import { given } from '../../../support/given.ts';
import { sourceText } from '../../../support/source-text.ts';
import { didYouMean } from '../../../support/suggest.ts';
import { parseYaml } from '../../../support/yaml.ts';
import type { Located } from '../model.ts';
import type { Listener } from './check.ts';
import { resolvePythonScalar } from './python.ts';
import { removeItems } from './removal.ts';
import type {
  DescriptorSource,
  RawArtifact,
  RawImage,
  RawOsbs,
  RawOverrides,
  RawPackages,
  RawRepository,
  RawSections,
} from './types.ts';

/**
 * The images after the overrides, in the order of the command line. An override changes every image of the list, or
 * the one that its `stage` names; `name`, `version`, `from`, `description`, `help` and `outputs` are of the target alone without.
 * What an override removes is gone before it adds.
 */
export function applyOverrides(
  images: readonly RawImage[],
  overrides: readonly RawOverrides[],
  { warn }: Listener,
): readonly RawImage[] {
  const names = images.map(({ name }) => name.text);
  let changed = images;
  for (const override of overrides) {
    const meant = imagesMeant(names, override);
    warnIgnored(
      images.filter((_, index) => meant.includes(index)),
      override,
      warn,
    );
    changed = removeItems(changed, override.remove, meant, warn).map((image, index) => {
      if (!meant.includes(index)) return image;
      const isTarget = index === images.length - 1;
      return merge(image, override, override.stage !== undefined || isTarget);
    });
  }
  return changed;
}

/** What `--redhat` adds to every image after all overrides: name and version of the target. */
export function withRedHatNames(images: readonly RawImage[]): readonly RawImage[] {
  const target = images.at(-1);
  if (target === undefined) return images;
  const entry = (name: string, value: Located) => ({ name: { ...value, text: name }, value, at: value.at });
  const { name, version } = target;
  const envs = [entry('JBOSS_IMAGE_NAME', name), entry('JBOSS_IMAGE_VERSION', version)];
  const labels = [entry('name', name), entry('version', version)];
  return images.map(image => ({
    ...image,
    envs: mergeByName(
      image.envs,
      envs.map(env => ({ ...env, others: {} })),
    ),
    labels: mergeByName(image.labels, labels),
  }));
}

/**
 * The source that the text of an override is; undefined where it is a path or an address, as all text is that YAML
 * takes for a string (and `-`, which is a list to YAML). `directory` is what its relative paths refer to.
 */
export function inlineOverride(text: string, directory: string): DescriptorSource | undefined {
  if (text === '-') return undefined;
  const source = sourceText('--overrides', text);
  try {
    const node = parseYaml(source, resolvePythonScalar);
    return node.kind === 'map' || node.kind === 'list' ? { source, directory } : undefined;
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError('Cannot load descriptor', { at: error.at, cause: error });
  }
}

function imagesMeant(names: readonly string[], { stage }: RawOverrides): readonly number[] {
  const all = [...names.keys()];
  if (stage === undefined) return all;
  const meant = all.filter(index => names[index] === stage.text);
  if (meant.length > 0) return meant;
  throw new AshlarError(`stage: there is no image '${stage.text}' in the descriptor`, {
    at: stage.at,
    hint: didYouMean(stage.text, names) ?? `there are ${names.join(', ')}`,
  });
}

/** Tells of what would be different if it counted; many overrides repeat the `schema_version`. */
function warnIgnored(images: readonly RawImage[], override: RawOverrides, warn: Listener['warn']): void {
  const ignored = (sections: RawSections) =>
    [
      ['release', sections.release?.text, sections.release?.at],
      ['schema_version', sections.schemaVersion?.value ?? 1, sections.schemaVersion?.at],
      ['follow_tag', sections.followTag?.text, sections.followTag?.at],
    ] as const;
  const known = images.map(ignored);
  for (const [index, [key, value, at]] of ignored(override).entries()) {
    if (at === undefined || known.every(entries => entries[index]?.[1] === value)) continue;
    warn(`'${key}' cannot be overridden and is ignored`, at);
  }
}

function merge(image: RawImage, override: RawOverrides, isNamed: boolean): RawImage {
  return {
    ...image,
    ...(isNamed && mergeHead(override)),
    labels: mergeByName(image.labels, override.labels),
    envs: mergeByName(image.envs, override.envs),
    args: mergeByName(image.args, override.args),
    ports: mergeItems(image.ports, override.ports, ({ value }) => value.value, mergeGiven),
    volumes: mergeItems(image.volumes, override.volumes, ({ path }) => path.text, mergeGiven),
    artifacts: mergeItems(image.artifacts, override.artifacts, nameOf, mergeArtifact),
    run: { ...image.run, ...override.run },
    modules: {
      repositories: mergeItems(image.modules.repositories, override.modules.repositories, nameOf, replace),
      install: mergeItems(image.modules.install, override.modules.install, nameOf, replace),
    },
    packages: mergePackages(image.packages, override.packages),
    osbs: mergeOsbs(image.osbs, override.osbs),
  };
}

/** What is of one image only: a name for all images of the list would make them one. */
function mergeHead(override: RawOverrides) {
  const { name, version, from, description, help, outputs } = override;
  return {
    ...given({
      name: notEmpty(name),
      version: notEmpty(version),
      from: notEmpty(from),
      description: notEmpty(description),
      outputs,
    }),
    ...(Object.keys(help).length > 0 && { help }),
  };
}

function mergePackages(image: RawPackages, override: RawPackages): RawPackages {
  const union = (ours: readonly Located[], theirs: readonly Located[]) => {
    const added = new Set(theirs.map(({ text }) => text));
    return [...ours.filter(({ text }) => !added.has(text)), ...theirs];
  };
  return {
    ...image,
    ...override,
    install: union(image.install, override.install),
    remove: union(image.remove, override.remove),
    reinstall: union(image.reinstall, override.reinstall),
    repositories: mergeItems(image.repositories, override.repositories, nameOf, mergeRepository),
  };
}

/** Where a repository comes from is replaced as a whole. */
function mergeRepository(old: RawRepository, added: RawRepository): RawRepository {
  return { ...given({ description: old.description }), ...added };
}

/** Where an artifact comes from, and its checksums, are replaced as a whole. */
function mergeArtifact<T extends RawArtifact>(old: RawArtifact, added: T): T {
  const { target, dest, description, mode, uid, gid } = old;
  return { ...given({ target, dest, description, mode, uid, gid }), ...added };
}

/** Not deep: a `repository` with a branch alone has no name any more. */
function mergeOsbs(image: RawOsbs, override: RawOsbs): RawOsbs {
  const { kojiTarget, extraDir, extraDirTarget } = override;
  return {
    ...image,
    ...override,
    ...given({
      kojiTarget: notEmpty(kojiTarget) ?? image.kojiTarget,
      extraDir: notEmpty(extraDir) ?? image.extraDir,
      extraDirTarget: notEmpty(extraDirTarget) ?? image.extraDirTarget,
    }),
  };
}

function mergeByName<T extends { readonly name: Located }>(
  items: readonly T[],
  added: readonly T[],
): readonly T[] {
  return mergeItems(items, added, nameOf, mergeGiven);
}

/** The items, those that are named again merged in their places, new ones behind them. */
function mergeItems<T>(
  items: readonly T[],
  added: readonly T[],
  identify: (item: T) => string | number,
  mergeOne: (old: T, added: T) => T,
): readonly T[] {
  let merged = items;
  for (const item of added) {
    const identity = identify(item);
    merged = merged.some(other => identify(other) === identity)
      ? merged.map(other => (identify(other) === identity ? mergeOne(other, item) : other))
      : [...merged, item];
  }
  return merged;
}

/** What is given wins; what is not stays. */
function mergeGiven<T extends object>(old: T, added: T): T {
  return { ...old, ...added };
}

function replace<T>(_old: T, added: T): T {
  return added;
}

function nameOf({ name }: { readonly name: Located }): string {
  return name.text;
}

function notEmpty<T extends Located>(located: T | undefined): T | undefined {
  return located?.text === '' ? undefined : located;
}
