/** Where the files of artifacts, modules and repositories come from. */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checksumAlgorithms } from '../../../plan/checksums.ts';
import type { Checksums, FileSource, HttpSource, Source } from '../../../plan/types.ts';
import { AshlarError, codeOf, type SourceSpan } from '../../../support/errors.ts';
import { schemeOf } from '../../references.ts';
import { checkOut } from '../checkout.ts';
import type { FileArtifact, UrlRepository } from '../dockerfile/statements.ts';
import { locked } from '../lock.ts';
import type { GitArtifact, PathArtifact, Section } from '../model.ts';
import type { CekitOptions } from '../options.ts';

type SourceOptions = Pick<CekitOptions, 'cacheUrl' | 'lock'>;

/** Where working copies of git artifacts are. */
export type Checkouts = ReadonlyMap<GitArtifact, string>;

/** Checks out what the artifacts of a description want of git repositories, side by side. */
export async function checkOutArtifacts(
  sections: readonly Section[],
  options: Pick<CekitOptions, 'checkout' | 'lock'>,
): Promise<Checkouts> {
  const artifacts = sections
    .flatMap(section => section.artifacts)
    .filter((artifact): artifact is GitArtifact => artifact.kind === 'git');
  const found = artifacts.map(async artifact => {
    const { url, ref, at } = artifact;
    return [artifact, await checkOut(url, ref, at, options)] as const;
  });
  return new Map(await Promise.all(found));
}

/**
 * The source of an artifact. Whether a path leads to a directory, whose content is copied, is looked up now.
 * Throws AshlarError for artifacts that only a build service has, and for checksums of directories.
 */
export function artifactSource(artifact: FileArtifact, checkouts: Checkouts, options: SourceOptions): Source {
  const { name, description, at } = artifact;
  const messages = {
    missing: `Error copying resource: '${name}'. See logs for more info.`,
    mismatch: 'Artifact checksum verification failed!',
    warning:
      `Cekit is not able to fetch resource '${name}' automatically. ` +
      'Please use cekit-cache command to add this artifact manually.',
    ...(description === undefined ? {} : { hint: description }),
  };
  const common = { messages, at };
  switch (artifact.kind) {
    case 'path':
      return { ...common, ...pathSource(artifact), ...mirrorsOf(artifact, options) };
    case 'url': {
      const checksums = lockedChecksums(artifact, options);
      const mirrors = mirrorsOf({ name, checksums }, options);
      return {
        ...common,
        kind: 'http',
        url: artifact.url,
        revalidate: true,
        ...checked(checksums),
        ...mirrors,
      };
    }
    case 'plain':
      return {
        ...common,
        kind: 'kept',
        name,
        checksums: artifact.checksums,
        ...mirrorsOf(artifact, options),
      };
    case 'git':
      return { ...common, ...directorySource(checkouts.get(artifact) ?? '', at) };
    case 'pnc':
      throw new AshlarError(`artifact '${name}' is kept by PNC, from where only OSBS can fetch it`, {
        at,
        hint: 'replace it in an override: an artifact of this name with a path or url',
      });
  }
}

/** The content of a directory of the host, with links that stay inside. */
export function directorySource(path: string, at: SourceSpan): FileSource {
  return { kind: 'file', path, directory: true, follow: true, confined: true, at };
}

/** A `.repo` file. */
export function repositorySource({ name, url, at }: UrlRepository): FileSource | HttpSource {
  const messages = { missing: `Error copying resource: '${name}'. See logs for more info.` };
  switch (schemeOf(url)) {
    case 'http':
    case 'https':
      return { kind: 'http', url, revalidate: true, messages, at };
    case 'file':
      return { kind: 'file', path: pathOfUrl(url, at), follow: true, messages, at };
    default:
      throw new AshlarError(`Unsupported URL scheme: ${url}`, { at });
  }
}

/** Whether the artifact is a directory of the host. */
export function isDirectoryArtifact(artifact: FileArtifact): boolean {
  return artifact.kind === 'git' || (artifact.kind === 'path' && isDirectory(artifact.path));
}

function pathSource(artifact: PathArtifact): FileSource {
  const { name, path, checksums, at } = artifact;
  if (!isDirectory(path)) return { kind: 'file', path, follow: true, ...checked(checksums), at };
  if (Object.keys(checksums).length > 0) {
    throw new AshlarError(`artifact '${name}' is a directory, which has no checksum`, {
      at,
      hint: `${path} is a directory`,
    });
  }
  return directorySource(path, at);
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    // The build will say what is wrong with it.
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}

function checked(checksums: Checksums): { readonly checksums?: Checksums } {
  return Object.keys(checksums).length > 0 ? { checksums } : {};
}

/** The lock has the content of addresses that say nothing of it. */
function lockedChecksums(
  { url, checksums, at }: Extract<FileArtifact, { kind: 'url' }>,
  { lock }: SourceOptions,
): Checksums {
  if (!lock) return checksums;
  const known = Object.hasOwn(lock.artifacts, url);
  if (!known && Object.keys(checksums).length > 0) return checksums;
  return { ...checksums, sha256: locked(lock.artifacts, url, `checksum for ${url}`, at) };
}

/** Where a cache of artifacts would have the file, by the first of its checksums. */
function mirrorsOf(
  { name, checksums }: { readonly name: string; readonly checksums: Checksums },
  { cacheUrl }: SourceOptions,
): { readonly mirrors?: readonly string[] } {
  const algorithm = checksumAlgorithms.find(known => checksums[known]);
  if (cacheUrl === undefined || algorithm === undefined) return {};
  const words: Readonly<Record<string, string>> = {
    '#filename#': name,
    '#algorithm#': algorithm,
    '#hash#': checksums[algorithm] ?? '',
  };
  return { mirrors: [cacheUrl.replaceAll(/#(?:filename|algorithm|hash)#/g, word => words[word] ?? '')] };
}

function pathOfUrl(url: string, at: SourceSpan): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new AshlarError(`not the address of a file: ${url}`, { at, cause });
  }
}
