/** What a plan needs from elsewhere, and whether it can be had now. */
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { type FetchContext, fetchText } from '../../engine/index.ts';
import type { Repository } from '../../plan/system-steps.ts';
import type { Plan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';

/** Milliseconds after which a server is not worth waiting for. */
const PATIENCE = 10_000;

/** A line for each repository whose list of packages cannot be fetched. */
export async function unreachableRepositories(plan: Plan, context: FetchContext): Promise<readonly string[]> {
  const steps = plan.images.flatMap(({ steps }) => steps);
  const all = steps.flatMap(step => (step.kind === 'packages' ? step.repositories : []));
  const unique = [...new Map(all.map(repository => [addressOf(repository), repository])).values()];
  const lines = await Promise.all(unique.map(repository => whyNot(repository, context)));
  return lines.flatMap(line => line ?? []);
}

async function whyNot(repository: Repository, context: FetchContext): Promise<string | undefined> {
  const { alias, url } = repository;
  const address = addressOf(repository);
  if (isAbsolute(url)) {
    return statSync(url, { throwIfNoEntry: false }) ? undefined : `repository ${alias}: there is no ${url}`;
  }
  // What ftp servers have is for the package manager to find out.
  if (!/^https?:/.test(address)) return undefined;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE)]);
  try {
    await fetchText(address, { ...context, options: { fetch: fetchOptions(repository, context) }, signal });
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    if (signal.aborted) return `repository ${alias}: no answer from ${address}`;
    if (error instanceof AshlarError) return `repository ${alias}: ${error.message}`;
    throw error;
  }
}

/** Who has a login for the repository asks with it. */
function fetchOptions({ url, credentials }: Repository, { options }: FetchContext) {
  if (!credentials || !URL.canParse(url)) return options.fetch ?? {};
  const { user, password } = credentials;
  const own = { ...options.fetch?.credentials, [new URL(url).host]: `${user}:${password}` };
  return { ...options.fetch, credentials: own };
}

/** The file that every repository of the kind has. */
function addressOf({ type, url, urlKind, distribution }: Repository): string {
  const place = url.replace(/\/+$/, '');
  if (urlKind !== 'baseurl') return url;
  switch (type) {
    case 'apt-deb':
      return distribution === undefined ? `${place}/Release` : `${place}/dists/${distribution}/Release`;
    case 'rpm-md':
      return `${place}/repodata/repomd.xml`;
    default:
      return url;
  }
}
