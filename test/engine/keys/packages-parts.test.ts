import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { LookContext } from '../../../src/engine/context.ts';
import { packagesParts } from '../../../src/engine/keys/system-parts.ts';
import type { PackagesStep, Repository } from '../../../src/plan/system-steps.ts';

const at = { file: 'plan', line: 1, column: 1 };

function step(repository: Partial<Repository> = {}, rest: Partial<PackagesStep> = {}): PackagesStep {
  return {
    kind: 'packages',
    manager: 'apt',
    repositories: [
      {
        ...{ alias: 'main', type: undefined, url: 'https://example.org', urlKind: 'baseurl', at },
        ...{ components: [], architectures: [], keys: [], ...repository },
      },
    ],
    ...{ bootstrap: false, install: ['a'], collections: [], ignore: [], uninstall: [], delete: [] },
    ...{ recommended: false, excludeDocs: false, locales: [], checkSignatures: false, keys: [] },
    ...{ createdBy: 'packages', failure: 'packages failed', at, ...rest },
  };
}

/** Nothing of the store is asked for where no program of this machine works. */
const context = { options: { network: 'host' } } as LookContext;

async function parts(packages: PackagesStep): Promise<string> {
  const platform = { os: 'linux', architecture: 'amd64' };
  return JSON.stringify(await packagesParts(packages, { platform }, [], undefined, context));
}

describe('what packages depend on', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'parts-'));
  afterAll(() => rmSync(scratch, { recursive: true }));

  function repository(name: string, index: string): string {
    const directory = join(scratch, name);
    mkdirSync(directory);
    writeFileSync(join(directory, 'Packages'), index);
    return directory;
  }

  it('is what is asked for, and where it comes from', async () => {
    const usual = await parts(step());
    expect(await parts(step())).toBe(usual);
    for (const other of [
      step({ url: 'https://example.com' }),
      step({}, { install: ['b'] }),
      step({ priority: 1 }),
    ])
      expect(await parts(other)).not.toBe(usual);
  });

  it('is not how to log in there, nor how a failure is worded', async () => {
    const credentials = { user: 'me', password: 'secret' };
    const elsewhere = { file: 'other', line: 2, column: 3 };
    const other = step({ credentials, at: elsewhere }, { failure: 'oops', createdBy: 'x', at: elsewhere });
    expect(await parts(other)).toBe(await parts(step()));
  });

  it('is the content of a repository of this machine, not its place', async () => {
    const one = repository('one', 'Package: a');
    const moved = join(scratch, 'moved');
    cpSync(one, moved, { recursive: true });
    const before = await parts(step({ url: one }));
    expect(before).not.toContain(scratch);
    expect(await parts(step({ url: moved }))).toBe(before);
    expect(await parts(step({ url: repository('two', 'Package: b') }))).not.toBe(before);
  });

  it('is what the script of a repository says', async () => {
    const [first = '', same = '', second = ''] = ['1', '1', '2'].map((text, i) => {
      const path = join(scratch, `script-${i}`);
      writeFileSync(path, text);
      return path;
    });
    const before = await parts(step({ customize: first }));
    expect(await parts(step({ customize: same }))).toBe(before);
    expect(await parts(step({ customize: second }))).not.toBe(before);
    await expect(parts(step({ customize: join(scratch, 'none') }))).rejects.toThrow('cannot read');
  });
});
