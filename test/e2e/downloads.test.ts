import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cut, serve, type TestServer } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { failureOf, type Project, useWorkspace } from './support.ts';

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

describe.skipIf(!has('umoci'))('a file that comes by http', () => {
  const workspace = useWorkspace();
  const scratch = { type: 'scratch' };

  /** A layer that is the file of an address. */
  const layer = (url: string, more: object = {}) => ({
    one: { from: scratch, imports: [{ path: url, dest: '/f', ...more }] },
  });
  const asked = ({ requests }: TestServer, method: string) => requests.filter(one => one.method === method);
  const content = (project: Project) => project.fileOf('one', 'f');

  /** A server whose file can change, and that says its hash if it is to. */
  async function changing(announce: boolean) {
    const state = { text: 'first' };
    const server = await serve((_, response) => {
      if (announce) response.setHeader('X-Checksum-Sha256', sha256(state.text));
      response.end(state.text);
    });
    return { server, state, url: `${server.url}/f` };
  }

  it('is downloaded once, with a line that says so and the hash of what came', async () => {
    const { server, url } = await changing(false);
    await using _ = server;
    const project = workspace.project('own');
    const { stderr } = await project.build(layer(url));
    expect(stderr).toContain(`\ndownloading ${url}\n`);
    expect(stderr).toContain(
      `\nimported file hashes (after substitutions):\n  - path: "${url}"\n    hash: "${sha256('first')}"\n`,
    );
    expect(asked(server, 'GET')).toHaveLength(1);
    expect(await content(project)).toBe('first');
  });

  it('is kept when the server says nothing of its hash, whatever it has by now', async () => {
    const { server, state, url } = await changing(false);
    await using _ = server;
    const project = workspace.project('own');
    await project.build(layer(url));
    state.text = 'second';
    const { stderr } = await project.build(layer(url));
    expect(stderr).toContain(`\nCouldn't obtain file info of ${url}, using cached copy\n`);
    expect(stderr).toContain(`    hash: "${sha256('first')}"\n`);
    expect(stderr).toMatch(/found cached layer one\n$/);
    expect(asked(server, 'GET')).toHaveLength(1);
  });

  it('is kept while the server announces the same hash, in whatever case', async () => {
    await using server = await serve((_, response) => {
      response.setHeader('X-Checksum-Sha256', sha256('first').toUpperCase());
      response.end('first');
    });
    const project = workspace.project('own');
    await project.build(layer(`${server.url}/f`));
    const { stderr } = await project.build(layer(`${server.url}/f`));
    expect(stderr).toContain(`\nmatched hash of ${server.url}/f, using cached copy\n`);
    expect(asked(server, 'GET')).toHaveLength(1);
  });

  it('is downloaded again when the server announces another hash, also for content of the same length', async () => {
    const { server, state, url } = await changing(true);
    await using _ = server;
    const project = workspace.project('own');
    await project.build(layer(url));
    state.text = 'FIRST';
    const { stderr } = await project.build(layer(url));
    expect(stderr).toContain(`\ndownloading ${url}\n`);
    expect(stderr).toContain(`\ncache miss because import content changed: ${url}\n`);
    expect(await content(project)).toBe('FIRST');
  });

  it('is kept when the server cannot be reached', async () => {
    let reachable = true;
    await using server = await serve((_, response) => {
      if (reachable) response.end('first');
      else response.socket?.destroy();
    });
    const url = `${server.url}/f`;
    const project = workspace.project('own');
    await project.build(layer(url));
    reachable = false;
    const { stderr } = await project.build(layer(url));
    expect(stderr).toContain(`\ncannot obtain file info of ${url}\n`);
    expect(stderr).toMatch(/found cached layer one\n$/);
  });

  it('cannot be had from a server that cannot be reached, if it was never downloaded', async () => {
    // Nobody listens on this port.
    const url = 'http://127.0.0.1:1/f';
    const project = workspace.project('own');
    const ended = await project.tryBuild(layer(url));
    expect(ended.stderr).toContain(`\ncannot obtain file info of ${url}\n`);
    expect(failureOf(ended)).toContain(`error: couldn't download ${url}: cannot reach `);
  });

  it('cannot be had when the server refuses it, and the build says with which status', async () => {
    await using server = await serve((_, response) => void response.writeHead(404).end('gone'));
    const url = `${server.url}/f`;
    expect(await workspace.project('own').failure(layer(url))).toContain(
      `error: couldn't download ${url}: 404 Not Found\n`,
    );
  });

  it('is downloaded again with --no-cache', async () => {
    const { server, state, url } = await changing(false);
    await using _ = server;
    const project = workspace.project('own');
    await project.build(layer(url));
    state.text = 'second';
    await project.build(layer(url), ['--no-cache']);
    expect(await content(project)).toBe('second');
  });

  it('is reported, and taken, when it is not what the server announced', async () => {
    await using server = await serve((_, response) => {
      response.setHeader('X-Checksum-Sha256', sha256('announced'));
      response.end('sent');
    });
    const project = workspace.project('own');
    const { stderr } = await project.build(layer(`${server.url}/f`));
    expect(stderr).toContain(
      `Downloaded file hash "${sha256('sent')}" does not match hash from HTTP header "${sha256('announced')}"\n`,
    );
    expect(await content(project)).toBe('sent');
  });

  it('whose hash is given is checked, and nothing is asked as long as a file of that hash is here', async () => {
    const { server, url } = await changing(true);
    await using _ = server;
    const project = workspace.project('own');
    const hash = sha256('first').toUpperCase();
    const { stderr } = await project.build(layer(url, { hash }));
    expect(stderr).toContain('\nChecking shasum of downloaded file\n');
    const before = server.requests.length;
    const again = await project.build(layer(url, { hash }));
    expect(server.requests).toHaveLength(before);
    expect(again.stderr).toContain(`    hash: "${sha256('first')}"\n`);
  });

  it('whose hash is another than the announced one is not even downloaded', async () => {
    const { server, url } = await changing(true);
    await using _ = server;
    const hash = sha256('wanted');
    expect(await workspace.project('own').failure(layer(url, { hash }))).toContain(
      `error: The requested hash of ${url} import is different than the actual hash: ${hash} != ${sha256('first')}\n`,
    );
    expect(asked(server, 'GET')).toHaveLength(0);
  });

  it('whose hash is another than the one that came is refused and not kept', async () => {
    const { server, state, url } = await changing(false);
    await using _ = server;
    const project = workspace.project('own');
    const hash = sha256('wanted');
    expect(await project.failure(layer(url, { hash }))).toContain(
      `error: Downloaded file hash does not match. Expected: ${hash} Actual: ${sha256('first')}\n`,
    );
    state.text = 'wanted';
    await project.build(layer(url, { hash }));
    expect(await content(project)).toBe('wanted');
  });

  it('is downloaded again for another hash in the description', async () => {
    const { server, state, url } = await changing(false);
    await using _ = server;
    const project = workspace.project('own');
    await project.build(layer(url, { hash: sha256('first') }));
    state.text = 'second';
    await project.build(layer(url, { hash: sha256('second') }));
    expect(await content(project)).toBe('second');
  });

  it('stays when the build fails later', async () => {
    const { server, url } = await changing(false);
    await using _ = server;
    const project = workspace.project('own');
    const two = { from: { type: 'built', tag: 'one' }, imports: [{ path: 'missing', dest: '/g' }] };
    await project.failure({ ...layer(url), two });
    project.write('missing', 'here now');
    await project.build({ ...layer(url), two });
    expect(asked(server, 'GET')).toHaveLength(1);
  });

  it('is asked for again when the connection breaks, and goes on where it broke', async () => {
    const bytes = Buffer.alloc(300_000, 'x');
    let sent = 0;
    await using server = await serve(({ method, headers }, response) => {
      if (method === 'HEAD') return void response.writeHead(503).end();
      sent += 1;
      const all = { 'content-length': String(bytes.length), etag: '"1"' };
      if (sent === 1) return cut(response, 200, all, bytes.subarray(0, 100_000));
      const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      response.writeHead(206, {
        'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
        etag: '"1"',
      });
      response.end(bytes.subarray(start));
    });
    const project = workspace.project('own');
    await project.build(layer(`${server.url}/f`, { hash: sha256(bytes) }));
    expect(sent).toBe(2);
  });

  it('is found anew when its address changes but not its name', async () => {
    await using server = await serve(({ url }, response) => void response.end(url));
    const project = workspace.project('own');
    const [old, next] = [`${server.url}/1/f`, `${server.url}/2/f`];
    await project.build(layer(old));
    const { stderr } = await project.build(layer(next));
    expect(stderr).toContain(`\n${old} url changed to ${next}, pruning cache\n`);
    expect(stderr).toContain(`\ncache miss because of new import: ${next}\n`);
    expect(await content(project)).toBe('/2/f');
  });

  it('may be the base of a layer, under the same rules', async () => {
    const tar = Buffer.alloc(10_240);
    await using server = await serve((_, response) => {
      response.setHeader('X-Checksum-Sha256', sha256(tar));
      response.end(tar);
    });
    const project = workspace.project('own');
    const url = `${server.url}/base.tar`;
    const one = (hash?: string) => ({ one: { from: { type: 'tar', url, ...(hash ? { hash } : {}) } } });
    expect((await project.build(one())).stderr).toContain(`\ndownloading ${url}\n`);
    expect((await project.build(one())).stderr).toContain(`\nmatched hash of ${url}, using cached copy\n`);
    const before = server.requests.length;
    await project.build(one(sha256(tar)));
    expect(server.requests).toHaveLength(before);
    expect(await project.failure(one(), ['--require-hash'])).toContain(
      `error: Remote import needs a hash in yaml for path: ${url}\n`,
    );
  });

  describe('from a server that wants a password', () => {
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;

    async function guarded() {
      return serve(({ headers }, response) => {
        if (headers.authorization !== authorization) return void response.writeHead(401).end();
        response.end('for me');
      });
    }

    function authFile(project: Project, key: string): string {
      const path = project.at('auth.json');
      writeFileSync(
        path,
        JSON.stringify({ auths: { [key]: { auth: authorization.slice('Basic '.length) } } }),
      );
      return path;
    }

    it('is had with the credentials of the longest match of host and path', async () => {
      await using server = await guarded();
      const project = workspace.project('own');
      const env = { REGISTRY_AUTH_FILE: authFile(project, `${server.host}/some`) };
      const url = `${server.url}/some/where/f`;
      const { stderr } = await project.build(layer(url), [], { globals: ['--debug'], env });
      for (const path of ['/some/where/f', '/some/where', '/some'])
        expect(stderr).toContain(`\nsearching creds for key "${server.host}${path}"\n`);
      expect(stderr).not.toContain('continuing without creds');
      // Both the question for its hash and the download itself are sent with them.
      expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
        authorization,
        authorization,
      ]);
      expect(stderr).not.toContain('secret');
    });

    it('is asked for without credentials, not with empty ones, when there are none', async () => {
      await using server = await guarded();
      const project = workspace.project('own');
      const env = { REGISTRY_AUTH_FILE: authFile(project, 'elsewhere.example') };
      const ended = await project.tryBuild(layer(`${server.url}/f`), [], { globals: ['--debug'], env });
      expect(ended.stderr).toContain(
        `\ncredentials not found for host ${server.host} - reason:no entry for it continuing without creds\n`,
      );
      expect(ended.stderr).toContain(`couldn't download ${server.url}/f: 401 Unauthorized\n`);
      expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    });
  });
});
