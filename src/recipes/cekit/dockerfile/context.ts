/**
 * What files are called in the directory that a Dockerfile is built in. All stages share it, and CEKit puts every
 * artifact at its top under the name it has in the image; what would collide there moves to a directory of its own.
 */
import { basename, posix } from 'node:path';
import { AshlarError } from '../../../support/errors.ts';
import type { Artifact, Description, Section } from '../model.ts';
import type { FileArtifact } from './statements.ts';

export interface BuildContext {
  /** Paths relative to the directory, never out of it. The last part is the artifact's name in the image. */
  readonly artifacts: ReadonlyMap<FileArtifact, string>;
  /** Paths of module directories, by where they come from. Only modules that run something have one. */
  readonly modules: ReadonlyMap<string, string>;
  readonly extraDirectory: string;
}

export interface ContextOptions {
  /** Whether OSBS fetches what it can fetch, which it puts below `artifacts`. */
  readonly osbs: boolean;
}

/**
 * The names of all that a description's statements copy out of the directory.
 * Throws an `AshlarError` where an artifact's target is no name.
 */
export function buildContext(description: Description, { osbs }: ContextOptions): BuildContext {
  const extraDirectory = basename(description.target.osbs.extraDir);
  const reserved = [...reservedNames, extraDirectory];
  const artifacts = new Map<FileArtifact, string>();
  const modules = new Map<string, string>();
  const sources = new Map<string, string>();
  const moduleNames = new Set<string>();

  for (const artifact of sectionsOf(description).flatMap(({ artifacts }) => artifacts)) {
    if (artifact.kind === 'image') continue;
    const fetched = osbs && isFetchedByOsbs(artifact);
    const folder = fetched ? fetchedDirectory : '';
    const name = posix.basename(artifact.target);
    if (!isBelow(name))
      throw new AshlarError(`'${artifact.target}' cannot be the name of a file`, { at: artifact.at });
    const source = sourceOf(artifact);
    const isFree = (path: string) =>
      isBelow(path) && !reserved.includes(path) && (sources.get(path) ?? source) === source;
    const path = firstFree([`${folder}${name}`], n => `artifacts/${n}/${name}`, isFree);
    sources.set(path, source);
    artifacts.set(artifact, path);
  }
  for (const { name, version, directory, execute } of sectionsOf(description)) {
    if (directory === undefined || execute.length === 0 || modules.has(directory)) continue;
    const isFree = (path: string) =>
      isBelow(path) &&
      ![...moduleNames].some(
        taken => `${taken}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${taken}/`),
      );
    const flat = name.replaceAll('/', '-');
    const path = firstFree(
      [`modules/${name}`, `modules/${flat}-${version.replaceAll('/', '-')}`],
      n => `modules/${n}`,
      isFree,
    );
    moduleNames.add(path);
    modules.set(directory, path);
  }
  return { artifacts, modules, extraDirectory };
}

/** Where OSBS puts what it fetches. */
export const fetchedDirectory = 'artifacts/';

export const isFetchedByOsbs = ({ kind }: Artifact): boolean => kind === 'url' || kind === 'pnc';

/** Modules and images of all stages, in the order of their statements. */
export function sectionsOf({ builders, target }: Description): readonly Section[] {
  return [...builders, target].flatMap(({ modules, image }) => [...modules, image]);
}

/** Whether a path is written plainly and leads to something below the directory it is relative to. */
export function isBelow(path: string): boolean {
  return path !== '' && path !== '.' && posix.normalize(path) === path && !/^(\/|\.\.(\/|$))|\/$/.test(path);
}

const reservedNames = [
  '.containerignore',
  '.dockerignore',
  'Containerfile',
  'Dockerfile',
  'artifacts',
  'container.yaml',
  'content_sets.yml',
  'fetch-artifacts-pnc.yaml',
  'fetch-artifacts-url.yaml',
  'gating.yaml',
  'help.md',
  'modules',
  'repos',
];

function firstFree(
  wishes: readonly string[],
  numbered: (n: number) => string,
  isFree: (path: string) => boolean,
): string {
  const wish = wishes.find(isFree);
  if (wish !== undefined) return wish;
  for (let n = 2; ; n++) {
    if (isFree(numbered(n))) return numbered(n);
  }
}

/** Artifacts of one source are one file, however often they are copied into images. */
function sourceOf(artifact: FileArtifact): string {
  switch (artifact.kind) {
    case 'path':
      return JSON.stringify(['path', artifact.path]);
    case 'url':
      return JSON.stringify(['url', artifact.url, artifact.checksums]);
    case 'plain':
      return JSON.stringify(['plain', artifact.checksums]);
    case 'pnc':
      return JSON.stringify(['pnc', artifact.buildId, artifact.artifactId]);
    case 'git':
      return JSON.stringify(['git', artifact.url, artifact.ref]);
  }
}
