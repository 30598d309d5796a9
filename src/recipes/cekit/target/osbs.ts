/** What only the build system of Red Hat and Fedora reads. */
import { AshlarError } from '../../../support/errors.ts';
import { quotePython } from '../descriptor/python.ts';
import { buildContext, fetchedDirectory, isFetchedByOsbs } from '../dockerfile/context.ts';
import type { Description, PncArtifact, Stage, UrlArtifact } from '../model.ts';
import type { TargetFile, TargetOptions } from './types.ts';
import { toYaml } from './yaml.ts';

/**
 * container.yaml, gating.yaml, content_sets.yml and the lists of what it fetches.
 * Throws an `AshlarError` where several images of the list have one of the first two.
 */
export async function osbsFiles(
  description: Description,
  options: TargetOptions,
): Promise<readonly TargetFile[]> {
  const { target, builders } = description;
  const stages = [target, ...builders];
  const container = onlyOne('container', stages, ({ osbs }) => osbs.container);
  const gating = onlyOne('gating', stages, ({ osbs }) => osbs.gating);
  const contentSets = stages.find(({ contentSets }) => contentSets !== undefined)?.contentSets;
  const texts = {
    'container.yaml': container === undefined ? undefined : toYaml(container, { sorted: true }),
    'gating.yaml': gating,
    'content_sets.yml': contentSets && toYaml(contentSets.sets, { sorted: true }),
    ...(await fetchLists(description, options)),
  };
  return Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [{ kind: 'text', path: `image/${name}`, text, at: target.at } as const],
  );
}

/** @throws AshlarError where several stages say it. */
function onlyOne<T>(name: string, stages: readonly Stage[], pick: (stage: Stage) => T): T | undefined {
  const [first, second] = stages.filter(stage => pick(stage) !== undefined);
  if (first !== undefined && second !== undefined) {
    const all = stages.map(pick).filter(definition => definition !== undefined);
    throw new AshlarError(`Found multiple ${name} definitions (${showPython(all)})!`, {
      at: second.osbs.at ?? second.at,
      hint: 'one image of the list may have it',
    });
  }
  return first && pick(first);
}

/** As Python prints it. */
function showPython(value: unknown): string {
  if (typeof value === 'string') return quotePython(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(showPython).join(', ')}]`;
  if (typeof value !== 'object') return String(value);
  if (value === null) return 'None';
  const entries = Object.entries(value).map(([key, entry]) => `${quotePython(key)}: ${showPython(entry)}`);
  return `{${entries.join(', ')}}`;
}

async function fetchLists(
  description: Description,
  options: TargetOptions,
): Promise<Readonly<Record<string, string | undefined>>> {
  const { version, md5Of } = options;
  const { artifacts } = buildContext(description, options);
  const urls: object[] = [];
  const builds = new Map<string, object[]>();
  for (const [artifact, { path, file }] of artifacts) {
    // OSBS itself puts everything below its directory.
    const target = [path.slice(fetchedDirectory.length), ...(file ? [file] : [])].join('/');
    if (artifact.kind === 'url' && isFetchedByOsbs(artifact, options))
      urls.push({ url: artifact.url, target, ...(await checksums(artifact, md5Of)), ...originOf(artifact) });
    if (artifact.kind === 'pnc') listed(builds, artifact).push({ id: artifact.artifactId, target });
  }
  const pnc = {
    metadata: { author: `ashlar ${version}` },
    builds: [...builds].map(([build_id, artifacts]) => ({ build_id, artifacts })),
  };
  const header = `# Created by ashlar ${version}\n`;
  return {
    'fetch-artifacts-url.yaml': urls.length > 0 ? header + toYaml(urls, { sorted: false }) : undefined,
    'fetch-artifacts-pnc.yaml': builds.size > 0 ? header + toYaml(pnc, { sorted: false }) : undefined,
  };
}

function listed(builds: Map<string, object[]>, { buildId }: PncArtifact): object[] {
  const list = builds.get(buildId) ?? [];
  builds.set(buildId, list);
  return list;
}

async function checksums(
  { url, checksums, at }: UrlArtifact,
  md5Of: TargetOptions['md5Of'],
): Promise<object> {
  return Object.keys(checksums).length > 0 ? checksums : { md5: await md5Of(url, at) };
}

/** @throws AshlarError for sources without a checksum, which OSBS does not take. */
function originOf({ name, origin }: UrlArtifact): object {
  if (origin === undefined) return {};
  const { url, checksums } = origin;
  const sums = Object.entries(checksums).map(([algorithm, sum]) => [`source-${algorithm}`, sum]);
  if (sums.length === 0) {
    throw new AshlarError(`Unable to add source-url for artifact '${name}' as no checksum defined`, {
      at: url.at,
      hint: 'add source-sha256, source-sha1 or source-md5',
    });
  }
  return { 'source-url': url.text, ...Object.fromEntries(sums) };
}
