import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCekitConfig } from '../../../src/cli/cekit/config.ts';
import { AshlarError } from '../../../src/support/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-cekit-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The configuration that a file of this text gives. */
function read(text: string, flags: { workDir?: string; redhat?: true } = {}) {
  const config = join(directory, 'config');
  writeFileSync(config, text);
  return readCekitConfig({ config, ...flags });
}

/** The error that a file of this text gives. */
function failure(text: string): AshlarError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe("CEKit's configuration", () => {
  it('is what CEKit does without a file', () => {
    expect(readCekitConfig({ config: join(directory, 'none') })).toEqual({
      workDir: join(homedir(), '.cekit'),
      redhat: false,
      verifyTls: true,
      credentials: {},
    });
  });

  it('is read from a file as Python would read it', () => {
    const text = `; a comment
# [common]
[other]
work_dir = /elsewhere
[common]
  Work_Dir: ~/cekit
redhat = yes
ssl_verify = False
cache_url = http://cache/get?name=#filename#;alg=#algorithm#&hash=#hash#
fetch_artifact_domains = https://a.example, https://b.example/path
url_authentication = one.example#me:pass:word#1;two.example#you:
unknown_key =
`;
    expect(read(text)).toEqual({
      workDir: join(homedir(), 'cekit'),
      redhat: true,
      verifyTls: false,
      cacheUrl: 'http://cache/get?name=#filename#;alg=#algorithm#&hash=#hash#',
      fetchArtifactDomains: ['https://a.example', 'https://b.example/path'],
      credentials: { 'one.example': 'me:pass:word#1', 'two.example': 'you:' },
    });
  });

  it('yields to flags', () => {
    const config = read('[common]\nwork_dir = /a\nredhat = no\n', { workDir: '/b', redhat: true });
    expect(config).toMatchObject({ workDir: '/b', redhat: true });
  });

  it.each([
    ['work_dir = /x\n', 'work_dir stands before the first [section]', 1, 1],
    ['[common]\n\nwork_dir\n', 'expected [section] or key = value', 3, 1],
    ['[common]\nredhat=1\nRedHat: 0\n', 'redhat is given twice', 3, 1],
    ['[common]\n[common]\n', 'section common is given twice', 2, 1],
    ['[common]\nssl_verify = never\n', 'ssl_verify must be True or False', 2, 14],
  ])('shows the place of a mistake in %j', (text, message, line, column) => {
    const error = failure(text);
    const file = join(directory, 'config');
    expect(error.message).toBe(`cannot read the configuration file ${file}: ${message}`);
    expect(error.at).toMatchObject({ file, line, column });
  });

  it('shows no password when it complains', () => {
    const { message, at } = failure('[common]\nurl_authentication = a#b:c;secret\n');
    expect(message).toMatch(/entry 2 of url_authentication \(line 2\) is not host#user:password$/);
    expect(message).not.toContain('secret');
    expect(at).toBeUndefined();
  });
});
