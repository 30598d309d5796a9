import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registryCredentials } from '../../src/oci/auth.ts';
import { credentialsForUrl } from '../../src/oci/index.ts';
import { withEnvironment } from '../support/environment.ts';
import { emptyHome, type TemporaryDirectory } from './fixtures.ts';

let home: TemporaryDirectory;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home[Symbol.dispose]());

const entry = (username: string, password: string) => ({
  auth: Buffer.from(`${username}:${password}`).toString('base64'),
});

async function write(name: string, content: object | string): Promise<string> {
  const path = home.in(name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const auths = (entries: Record<string, object>) => ({ auths: entries });

describe('the credentials for a repository', () => {
  it('are none when nobody has logged in', async () => {
    expect(await registryCredentials('ghcr.io', 'a/b')).toBeUndefined();
  });

  it.each(['run/containers/auth.json', '.config/containers/auth.json', '.docker/config.json'])(
    'are found in %s',
    async name => {
      const from = await write(name, auths({ 'ghcr.io': entry('me', 'se:cret') }));
      expect(await registryCredentials('ghcr.io', 'a/b')).toEqual({
        kind: 'password',
        username: 'me',
        password: 'se:cret',
        from,
      });
    },
  );

  it('are found in ~/.dockercfg, which has no "auths"', async () => {
    await write('.dockercfg', { 'https://quay.io': entry('me', 'x') });
    expect(await registryCredentials('quay.io', 'a')).toMatchObject({ username: 'me' });
  });

  it('come from the first file that has some', async () => {
    await write('run/containers/auth.json', auths({ 'other.example': entry('no', 'x') }));
    await write('.config/containers/auth.json', auths({ 'ghcr.io': entry('second', 'x') }));
    await write('.docker/config.json', auths({ 'ghcr.io': entry('third', 'x') }));
    expect(await registryCredentials('ghcr.io', 'a')).toMatchObject({ username: 'second' });
  });

  it('come from nowhere else when REGISTRY_AUTH_FILE is set', async () => {
    await write('.docker/config.json', auths({ 'ghcr.io': entry('docker', 'x') }));
    const path = await write('special.json', auths({ 'quay.io': entry('special', 'x') }));
    using _ = withEnvironment({ REGISTRY_AUTH_FILE: path });
    expect(await registryCredentials('quay.io', 'a')).toMatchObject({ username: 'special' });
    expect(await registryCredentials('ghcr.io', 'a')).toBeUndefined();
  });

  it.each([
    ['a/b/c', 'repository'],
    ['a/b/d', 'namespace'],
    ['a/bb', 'outer'],
    ['z', 'host'],
  ])('of %s are those of the longest match', async (repository, username) => {
    await write(
      '.config/containers/auth.json',
      auths({
        'h.example:5000': entry('host', 'x'),
        'h.example:5000/a': entry('outer', 'x'),
        'h.example:5000/a/b': entry('namespace', 'x'),
        'h.example:5000/a/b/c': entry('repository', 'x'),
        'h.example': entry('other port', 'x'),
      }),
    );
    expect(await registryCredentials('h.example:5000', repository)).toMatchObject({ username });
  });

  it('never belong to a host that only looks alike', async () => {
    await write(
      '.docker/config.json',
      auths({ 'azurecr.io': entry('me', 'x'), 'h.example/a': entry('me', 'x') }),
    );
    for (const host of ['xazurecr.io', 'sub.azurecr.io', 'azurecr.io.evil.example', 'azurecr.io:5000']) {
      expect(await registryCredentials(host, 'a')).toBeUndefined();
    }
    expect(await registryCredentials('h.example', 'ab')).toBeUndefined();
  });

  it.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'docker.io/library'])(
    'of Docker Hub are under %s',
    async key => {
      await write('.docker/config.json', auths({ [key]: entry('hub', 'x') }));
      expect(await registryCredentials('docker.io', 'library/alpine')).toMatchObject({ username: 'hub' });
    },
  );

  it('may be an identity token', async () => {
    const from = await write(
      '.docker/config.json',
      auths({ 'h.example': { ...entry('<token>', ''), identitytoken: 'opaque' } }),
    );
    expect(await registryCredentials('h.example', 'a')).toEqual({ kind: 'identity', token: 'opaque', from });
  });

  it.each(['{"auths": {"h": {"auth": "c2VjcmV0OnNlY3JldA=="', '"c2VjcmV0OnNlY3JldA=="'])(
    'are never shown when the file is broken: %s',
    async text => {
      const path = await write('.docker/config.json', text);
      const error = await registryCredentials('h.example', 'a').catch((error: unknown) => error);
      expect(String(error)).toContain(path);
      expect(JSON.stringify([error, String(error), error instanceof Error ? error.cause : ''])).not.toContain(
        'c2Vj',
      );
    },
  );
});

describe('a credential helper', () => {
  async function helper(name: string, script: string): Promise<void> {
    await chmod(await write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`), 0o755);
  }
  const withPath = () => withEnvironment({ PATH: `${home.in('bin')}:${process.env.PATH}` });

  it('is asked for the server by its input', async () => {
    await helper(
      'test',
      `read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"for $1 $server\\",\\"Secret\\":\\"pw\\"}"`,
    );
    await write('.docker/config.json', {
      credHelpers: { 'h.example': 'test' },
      auths: { 'h.example': entry('no', 'no') },
    });
    using _ = withPath();
    const found = await registryCredentials('h.example', 'a');
    expect(found).toMatchObject({ kind: 'password', username: 'for get h.example', password: 'pw' });
    expect(found?.from).toContain('docker-credential-test');
    expect(await registryCredentials('other.example', 'a')).toBeUndefined();
  });

  it('as store of everything is asked with the old name of Docker Hub', async () => {
    await helper('store', `read server; echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"pw\\"}"`);
    await write('.docker/config.json', { credsStore: 'store', auths: { 'https://index.docker.io/v1/': {} } });
    using _ = withPath();
    expect(await registryCredentials('docker.io', 'library/x')).toMatchObject({
      username: 'https://index.docker.io/v1/',
    });
  });

  it('may have an identity token', async () => {
    await helper('test', `echo '{"Username":"<token>","Secret":"opaque"}'`);
    await write('.docker/config.json', { credsStore: 'test' });
    using _ = withPath();
    expect(await registryCredentials('h.example', 'a')).toMatchObject({ kind: 'identity', token: 'opaque' });
  });

  it('may know nothing', async () => {
    await helper('test', 'echo credentials not found in native keychain; exit 1');
    await write('.docker/config.json', { credsStore: 'test' });
    using _ = withPath();
    expect(await registryCredentials('h.example', 'a')).toBeUndefined();
  });

  it.each([
    ['echo "secret happened"; exit 2', 'failed for h.example with status 2'],
    ['echo "secret is not json"', 'is not JSON'],
    [`echo '{"Username":"secret"}'`, 'has no Username and Secret'],
  ])('that goes wrong (%s) is reported without its output', async (script, message) => {
    await helper('test', script);
    await write('.docker/config.json', { credsStore: 'test' });
    using _ = withPath();
    const error = await registryCredentials('h.example', 'a').catch((error: unknown) => error);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('secret');
  });

  it('that is not installed is named', async () => {
    await write('.docker/config.json', { credsStore: 'missing' });
    await expect(registryCredentials('h.example', 'a')).rejects.toThrow(
      'docker-credential-missing, which is not installed',
    );
  });

  it('cannot be a path', async () => {
    await write('.docker/config.json', { credsStore: '../../tmp/x' });
    await expect(registryCredentials('h.example', 'a')).rejects.toThrow('bad name of a credential helper');
  });
});

describe('the credentials for a URL', () => {
  it.each([
    ['https://h.example/a/b/file.tar', 'ab'],
    ['https://h.example/a/file.tar?x=/a/b', 'host'],
    ['https://h.example:8443/a/b', 'port'],
    ['https://h.example:443/', 'host'],
    ['http://h.example:9999/file', 'host'],
    ['http://h.example:9999/a/b/file', 'ab'],
    ['http://h.example', 'host'],
    ['https://other.example/a/b', undefined],
    ['https://h.example.evil/a/b', undefined],
  ])('%s: %s', async (url, username) => {
    await write(
      '.config/containers/auth.json',
      auths({
        'h.example': entry('host', 'x'),
        'h.example/a/b': entry('ab', 'x'),
        'h.example:8443': entry('port', 'x'),
      }),
    );
    const found = await credentialsForUrl(url);
    expect(found?.authorization).toBe(username && `Basic ${Buffer.from(`${username}:x`).toString('base64')}`);
  });

  it('are never an identity token', async () => {
    await write('.docker/config.json', auths({ 'h.example': { identitytoken: 'opaque' } }));
    expect(await credentialsForUrl('https://h.example/x')).toBeUndefined();
  });
});
