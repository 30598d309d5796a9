import { describe, expect, it } from 'vitest';
import { secretsOf } from '../../../src/engine/steps/package-request.ts';
import type { Repository } from '../../../src/plan/system-steps.ts';
import { splitLogin } from '../../../src/support/secrets.ts';

const at = { file: 'plan', line: 1, column: 1 };

function repository(address: string): Repository {
  const { url, login } = splitLogin(address);
  const known = { url, urlKind: 'baseurl', ...(login && { credentials: login }) } as const;
  return { alias: 'main', type: undefined, ...known, components: [], architectures: [], keys: [], at };
}

describe('what nobody is to see of repositories', () => {
  it('is passwords, and users without one: they are tokens', () => {
    const addresses = ['https://me:pass@host', 'https://token@host', 'https://other:@host', 'https://host'];
    expect(secretsOf({ repositories: addresses.map(repository) })).toEqual(['pass', 'token', 'other']);
  });
});
