/**
 * What files are called in the directory that a Dockerfile is built in. All stages share it, and CEKit puts every
 * artifact at its top under the name it has in the image; what would collide there moves to a directory of its own.
 */
import { basename, posix } from 'node:path';
import { AshlarError } from '../../../support/errors.ts';
import type { Artifact, Description, Section } from '../model.ts';
import type { FileArtifact } from './statements.ts';
import { needsPattern } from './words.ts';

export interface BuildContext {
  readonly artifacts: ReadonlyMap<FileArtifact, ArtifactPlace>;
  /** Paths of module directories, by where they come from. Only modules that run something have one. */
  readonly modules: ReadonlyMap<string, string>;
  readonly extraDirectory: string;
}

export interface ArtifactPlace {
  /** Relative to the directory, never out of it; what COPY copies. */
  readonly path: string;
  /**
   * Where this is there, `path` is a directory: of an artifact that is a file, it holds this file; one that is a
   * directory is the directory itself.
   */
  readonly file?: string;
}

export interface ContextOptions {
  /** Whether OSBS fetches what it can fetch, which it puts below `artifacts`. */
  readonly osbs: boolean;
  /** What it may fetch from: addresses with one of these in them, the scheme aside. From everywhere when absent. */
  readonly fetchDomains?: readonly string[];
}

/**
 * The names of all that a description's statements copy out of the directory.
 * Throws an `AshlarError` where an artifact's target is no name.
 */
export function buildContext(description: Description, options: ContextOptions): BuildContext {
  const extraDirectory = basename(description.target.osbs.extraDir);
  const sections = sectionsOf(description);
  return {
    artifacts: artifactPaths(sections, [...reservedNames, extraDirectory], options),
    modules: modulePaths(sections),
    extraDirectory,
  };
}

function artifactPaths(
  sections: readonly Section[],
  reserved: readonly string[],
  options: ContextOptions,
): ReadonlyMap<FileArtifact, ArtifactPlace> {
  const places = new Map<FileArtifact, ArtifactPlace>();
  const taken = new Map<string, string>();
  const take = (path: string, source: string): boolean => {
    if (reserved.includes(path) || (taken.get(path) ?? source) !== source) return false;
    taken.set(path, source);
    return true;
  };
  const place = (artifact: FileArtifact): ArtifactPlace => {
    const name = posix.basename(artifact.target);
    if (!isBelow(name)) {
      throw new AshlarError(`'${artifact.target}' cannot be the name of a file`, { at: artifact.at });
    }
    const path = isFetchedByOsbs(artifact, options) ? `${fetchedDirectory}${name}` : name;
    const source = sourceOf(artifact);
    const isPattern = needsPattern(name);
    if (!isPattern && take(path, source)) return { path };
    for (let n = 2; ; n++) {
      const directory = `${fetchedDirectory}${n}`;
      if (!take(directory, JSON.stringify([name, source]))) continue;
      // Builders do not agree on how characters of patterns are escaped; contents of a directory need no pattern.
      return isPattern ? { path: directory, file: name } : { path: `${directory}/${name}` };
    }
  };
  for (const artifact of sections.flatMap(({ artifacts }) => artifacts)) {
    if (artifact.kind !== 'image') places.set(artifact, place(artifact));
  }
  return places;
}

function modulePaths(sections: readonly Section[]): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  const taken: string[] = [];
  const isFree = (path: string) =>
    isBelow(path) &&
    !needsPattern(path) &&
    !taken.some(other => isAround(path, other) || isAround(other, path));
  const place = ({ name, version }: Section): string => {
    const [plain, flat] = [name, `${name}-${version}`.replaceAll('/', '-')].map(name => `modules/${name}`);
    for (const path of [plain, flat]) if (path !== undefined && isFree(path)) return path;
    for (let n = 2; ; n++) if (isFree(`modules/${n}`)) return `modules/${n}`;
  };
  for (const section of sections) {
    const { directory, execute } = section;
    if (directory === undefined || execute.length === 0 || paths.has(directory)) continue;
    const path = place(section);
    taken.push(path);
    paths.set(directory, path);
  }
  return paths;
}

const isAround = (directory: string, path: string): boolean => `${path}/`.startsWith(`${directory}/`);

/** Where OSBS puts what it fetches. */
export const fetchedDirectory = 'artifacts/';

export function isFetchedByOsbs(artifact: Artifact, { osbs, fetchDomains }: ContextOptions): boolean {
  if (!osbs) return false;
  if (artifact.kind !== 'url') return artifact.kind === 'pnc';
  const { url } = artifact;
  return fetchDomains?.some(domain => url.includes(domain.replace(/^\w+:\/\//, ''))) ?? true;
}

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
