/** `--dry-run`: the Dockerfile, and the directory that other programs build it in. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BuildOptions, withFilesOf } from '../../engine/index.ts';
import type { FileSource, HttpSource, KeptSource, Source } from '../../plan/types.ts';
import {
  artifactSource,
  checkOutArtifacts,
  repositorySource,
  sectionsOf,
  type TargetFile,
  targetFiles,
} from '../../recipes/cekit/index.ts';
import type { Followed } from '../follow.ts';
import type { LoadedDescriptor } from './load.ts';
import { writeTarget } from './target.ts';

export interface DryRun {
  /** The directory, as it was given. */
  readonly target: string;
  readonly containerFile: 'Containerfile' | 'Dockerfile';
  readonly osbs: boolean;
  /** What OSBS may fetch from. */
  readonly fetchDomains: readonly string[] | undefined;
}

/**
 * Replaces the target directory and prints the Dockerfile. When something goes wrong the directory is as it was.
 * @throws AshlarError
 */
export async function writeDryRun(
  { target, containerFile, osbs, fetchDomains }: DryRun,
  { description, options }: LoadedDescriptor,
  buildOptions: BuildOptions,
  { emit, signal }: Followed,
): Promise<void> {
  const fetched = <T>(sources: readonly HostSource[], use: (paths: readonly string[]) => Promise<T>) =>
    withFilesOf(sources, buildOptions, emit, signal, use);
  const files = await targetFiles(description, {
    ...options,
    osbs,
    ...(fetchDomains && { fetchDomains }),
    containerFile,
    md5Of: (url, at) => fetched([{ kind: 'http', url, at }], async ([path = '']) => md5OfFile(path)),
  });
  const sections = sectionsOf(description);
  const checkouts = await checkOutArtifacts(sections, options);
  const sourceOf = (file: TargetFile): Source | undefined => {
    if (file.kind === 'artifact') return artifactSource(file.artifact, checkouts, options);
    return file.kind === 'repository' ? repositorySource(file.repository) : undefined;
  };
  const wanted = files.flatMap(file => {
    const source = sourceOf(file);
    return source === undefined || source.kind === 'image' ? [] : [{ file, source }];
  });
  const outside = [options.descriptor, ...sections.flatMap(({ directory }) => directory ?? [])];
  await fetched(
    wanted.map(({ source }) => source),
    async paths => {
      const places = new Map<unknown, string>();
      for (const [i, { file }] of wanted.entries()) {
        if (file.kind === 'artifact') places.set(file.artifact, paths[i] ?? '');
        if (file.kind === 'repository') places.set(file.repository, paths[i] ?? '');
      }
      const placeOf = async (wantedThing: object) => places.get(wantedThing) ?? '';
      const sources = { artifact: placeOf, repository: placeOf };
      await writeTarget(target, files, { sources, outside: outside.map(path => resolve(path)) });
    },
  );
  const printed = files.find(({ path }) => path === `image/${containerFile}`);
  if (printed?.kind === 'text') process.stdout.write(printed.text);
}

type HostSource = FileSource | HttpSource | KeptSource;

async function md5OfFile(path: string): Promise<string> {
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
