import { describe, expect, it } from 'vitest';
import { unreachableRepositories } from '../../../src/cli/kiwi/reachable.ts';
import type { Repository } from '../../../src/plan/system-steps.ts';
import type { Plan } from '../../../src/plan/types.ts';
import { serve } from '../../support/http-server.ts';

const at = { file: 'config.xml', line: 1, column: 1 };

const repository = (alias: string, url: string, rest: Partial<Repository> = {}): Repository => ({
  ...{ alias, url, type: 'rpm-md', urlKind: 'baseurl', at },
  ...{ components: [], architectures: [], keys: [] },
  ...rest,
});

/** Why the repositories of a plan cannot be had. */
function unreachable(...repositories: readonly Repository[]): Promise<readonly string[]> {
  const { signal } = new AbortController();
  // Nothing else of a plan is looked at.
  const plan = { images: [{ steps: [{ kind: 'packages', repositories }] }] } as unknown as Plan;
  return unreachableRepositories(plan, { options: {}, emit: () => {}, signal });
}

describe('repositories that a plan needs', () => {
  it('are asked for with the login that they have, and nobody else', async () => {
    const wanted = `Basic ${Buffer.from('me:pass:word').toString('base64')}`;
    await using server = await serve(({ headers }, response) => {
      response.statusCode = headers.authorization === wanted ? 200 : 401;
      response.end('<repomd/>');
    });
    const credentials = { user: 'me', password: 'pass:word' };
    expect(await unreachable(repository('mine', server.url, { credentials }))).toEqual([]);
    const [line = '', ...others] = await unreachable(repository('theirs', server.url));
    expect(line).toMatch(/^repository theirs: .*401/);
    expect(others).toEqual([]);
    expect(server.requests.map(({ url }) => url)).toEqual(['/repodata/repomd.xml', '/repodata/repomd.xml']);
  });

  it('are there where they are directories', async () => {
    expect(await unreachable(repository('here', '/'), repository('gone', '/nowhere'))).toEqual([
      'repository gone: there is no /nowhere',
    ]);
  });
});
