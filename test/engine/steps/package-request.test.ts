import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/engine/events.ts';
import { openRequest, secretsOf } from '../../../src/engine/steps/package-request.ts';
import type { StepContext } from '../../../src/engine/steps/steps.ts';
import { CONFIGURATION, type PackageManager } from '../../../src/packages/index.ts';
import type { PackagesStep, Repository } from '../../../src/plan/system-steps.ts';
import type { Source } from '../../../src/plan/types.ts';
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

describe('keys of repositories', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-keys-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const contents = { 'a/key.pub': '-----one', 'b/key.pub': 'two', 'c/2-key.pub': 'three', 'd/other': 'four' };

  /** What a manager finds, in the order of the keys above: by name, what is in it. */
  async function keysFor(manager: PackageManager) {
    const events: BuildEvent[] = [];
    const keys = Object.entries(contents).map(([name, text]): Source => {
      const path = join(directory, name);
      mkdirSync(join(path, '..'));
      writeFileSync(path, text);
      return { kind: 'file', path, at };
    });
    const stage = (_: string, { imports }: { imports: readonly { name: string; location: string }[] }) => {
      for (const { name, location } of imports)
        writeFileSync(join(directory, 'keys', name), readFileSync(location));
    };
    const step = {
      context: { workshop: { call: stage }, emit: (event: BuildEvent) => events.push(event) },
      plan: { name: 'image' },
      sources: {
        of: (source: Source) => {
          const path = source.kind === 'file' ? source.path : '';
          return { type: 'file', identity: path, locate: async () => path };
        },
      },
    } as unknown as StepContext;
    const packages: PackagesStep = {
      ...{ kind: 'packages', manager, repositories: [], bootstrap: false, install: [], collections: [] },
      ...{ ignore: [], uninstall: [], delete: [], recommended: false, excludeDocs: false, locales: [] },
      ...{ checkSignatures: false, keys, createdBy: 'packages', failure: 'packages failed', at },
    };
    const { request } = await openRequest(packages, 'tree', directory, undefined, step);
    const names = request.keys.map(path => path.slice(`${CONFIGURATION}/keys/`.length));
    const texts = names.map(name => readFileSync(join(directory, 'keys', name), 'utf8'));
    const warnings = events.flatMap(event => (event.kind === 'message' ? [event.text] : []));
    return { names, texts, warnings };
  }

  it('are all there for apk under their own names, the second of a name under another', async () => {
    const { names, texts, warnings } = await keysFor('apk');
    expect(names).toEqual(['key.pub', '1+key.pub', '2-key.pub', '3.gpg']);
    expect(texts).toEqual(Object.values(contents));
    expect(warnings).toEqual([expect.stringMatching(/^two keys are called key\.pub: apk/)]);
  });

  it('are all there for others under names that say whether they are text', async () => {
    const { names, texts, warnings } = await keysFor('apt');
    expect(names).toEqual(['0.asc', '1.gpg', '2.gpg', '3.gpg']);
    expect(texts).toEqual(Object.values(contents));
    expect(warnings).toEqual([]);
  });
});
