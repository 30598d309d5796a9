import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AshlarError } from '../../src/support/errors.ts';
import { ConnectionError, checkTarget, download, request } from '../../src/support/http.ts';
import { isPrivateHost } from '../../src/support/private-hosts.ts';
import { runProgram } from '../../src/support/process.ts';
import { withEnvironment } from './environment.ts';
import { cut, serve } from './http-server.ts';
import { startRegistry } from './registry.ts';
import { has } from './tools.ts';

const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));

let environment: Disposable;
beforeEach(() => {
  const unset = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  environment = withEnvironment(Object.fromEntries(unset.map(name => [name, undefined])));
});
afterEach(() => environment[Symbol.dispose]());

async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(body));
}

describe('a request', () => {
  it('says who we are and asks for unencoded bytes', async () => {
    await using server = await serve((_, response) => void response.end('x'));
    const response = await request(server.url);
    expect(String(await response.bytes(10))).toBe('x');
    expect(server.requests[0]?.headers['user-agent']).toMatch(/^ashlar\/\d+\.\d+\.\d+/);
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('returns answers that are no success to the caller', async () => {
    await using server = await serve((_, response) => void response.writeHead(404).end());
    await using response = await request(server.url);
    expect(response.status).toBe(404);
    expect(server.requests).toHaveLength(1);
  });

  it.each([408, 429, 500, 502, 503, 504])('is sent again after status %i', async status => {
    await using server = await serve((_, response) => {
      response.writeHead(server.requests.length < 3 ? status : 200).end('done');
    });
    const response = await request(server.url);
    expect(response.status).toBe(200);
    expect(server.requests).toHaveLength(3);
    await response.bytes(10);
  });

  it('sends the body of a repeated request again', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(server.requests.length < 2 ? 503 : 201).end();
    });
    const body = async function* () {
      yield Buffer.from('one ');
      yield Buffer.from('two');
    };
    await using response = await request(server.url, {
      method: 'PUT',
      body,
      headers: { 'content-length': '7' },
    });
    expect(response.status).toBe(201);
    expect(server.requests.map(({ body }) => String(body))).toEqual(['one two', 'one two']);
  });

  it('comes back when Retry-After says, not earlier', async () => {
    const start = performance.now();
    await using server = await serve((_, response) => {
      const early = performance.now() - start < 900;
      response.writeHead(early ? 429 : 200, { 'retry-after': '1' }).end();
    });
    await using response = await request(server.url);
    expect(response.status).toBe(200);
    expect(server.requests).toHaveLength(2);
  });

  it('does not wait for a server that wants to be left alone for an hour', async () => {
    await using server = await serve(
      (_, response) => void response.writeHead(429, { 'retry-after': '3600' }).end(),
    );
    await using response = await request(server.url);
    expect(response.status).toBe(429);
    expect(server.requests).toHaveLength(1);
  });

  it('is sent again when the connection breaks before the answer', async () => {
    await using server = await serve((_, response) => {
      if (server.requests.length === 1) response.socket?.destroy();
      else response.end('ok');
    });
    const response = await request(server.url);
    expect(String(await response.bytes(10))).toBe('ok');
  });

  it('is sent once only when the caller says so', async () => {
    await using server = await serve((_, response) => void response.socket?.destroy());
    await expect(request(server.url, { retry: false })).rejects.toThrow(ConnectionError);
    expect(server.requests).toHaveLength(1);
  });

  it('names the host that nobody listens at', async () => {
    const server = await serve(() => undefined);
    await server[Symbol.asyncDispose]();
    await expect(request(server.url, { retry: false })).rejects.toThrow(
      `cannot reach ${server.host}: connection refused`,
    );
  });

  it('says that a server does not speak https', async () => {
    await using server = await serve((_, response) => void response.end());
    await expect(request(`https://${server.host}`)).rejects.toThrow(
      `cannot reach ${server.host}: it does not speak https`,
    );
  });

  it('ends with the reason of the signal', async () => {
    await using server = await serve(async (_, response) => {
      await sleep(10_000, undefined, { ref: false });
      response.end();
    });
    const controller = new AbortController();
    const pending = request(server.url, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
  });

  it('refuses a document that is larger than its limit, announced or not', async () => {
    await using announced = await serve(
      (_, response) => void response.writeHead(200, { 'content-length': 200_000 }).end(content),
    );
    await using streamed = await serve((_, response) => {
      response.write(content.subarray(0, 1000));
      response.end(content.subarray(1000));
    });
    for (const { url } of [announced, streamed]) {
      const response = await request(url);
      await expect(response.bytes(100_000)).rejects.toThrow('is larger than 100000 bytes');
    }
  });
});

describe('a redirect', () => {
  const secret = { authorization: 'Bearer secret', cookie: 'secret' };

  it('keeps credentials on the same origin', async () => {
    await using server = await serve(({ url }, response) => {
      if (url === '/a') response.writeHead(307, { location: '/b' }).end();
      else response.end();
    });
    await using response = await request(`${server.url}/a`, { headers: secret });
    expect(response.url.href).toBe(`${server.url}/b`);
    expect(server.requests[1]?.headers.authorization).toBe('Bearer secret');
  });

  it.each([301, 302, 303, 307, 308])('of status %i carries no credentials to another port', async status => {
    await using other = await serve((_, response) => void response.end());
    await using server = await serve(
      (_, response) => void response.writeHead(status, { location: other.url }).end(),
    );
    await using response = await request(server.url, { headers: { ...secret, accept: 'x' } });
    expect(response.url.href).toBe(`${other.url}/`);
    const [seen] = other.requests;
    expect(seen?.headers).toMatchObject({ accept: 'x' });
    expect(JSON.stringify(seen?.headers)).not.toContain('secret');
  });

  it('does not give credentials back after a detour', async () => {
    await using server = await serve(({ url }, response) => {
      if (url === '/end') response.end();
      else response.writeHead(302, { location: other.url }).end();
    });
    await using other = await serve(
      (_, response) => void response.writeHead(302, { location: `${server.url}/end` }).end(),
    );
    await using response = await request(server.url, { headers: secret });
    expect(response.url.href).toBe(`${server.url}/end`);
    expect(server.requests.at(-1)?.headers.authorization).toBeUndefined();
  });

  it('does not carry the request body of an upload anywhere', async () => {
    await using other = await serve((_, response) => void response.end());
    await using server = await serve(
      (_, response) => void response.writeHead(307, { location: other.url }).end(),
    );
    await using response = await request(server.url, { method: 'PUT', body: 'secret' });
    expect(response.status).toBe(307);
    expect(other.requests).toHaveLength(0);
  });

  it('without end is given up', async () => {
    await using server = await serve((_, response) => void response.writeHead(302, { location: '/' }).end());
    await expect(request(server.url)).rejects.toThrow('redirects more than 10 times');
  });

  it.each(['file:///etc/passwd', 'ftp://host/x'])('to %s is refused', async location => {
    await using server = await serve((_, response) => void response.writeHead(302, { location }).end());
    await expect(request(server.url)).rejects.toThrow('refused, because that is no web address');
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1:9/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://localhost/',
    'http://0x7f.1/',
  ])('from a public host to %s is refused', async location => {
    // As a proxy, the server can be any host.
    await using proxy = await serve((_, response) => void response.writeHead(302, { location }).end());
    using _ = withEnvironment({ http_proxy: proxy.url });
    await expect(request('http://public.example/')).rejects.toThrow(
      'refused, because that is in a private network',
    );
    expect(proxy.requests).toHaveLength(1);
  });

  it('from https to http is refused', async () => {
    const target = checkTarget(new URL('https://a.example/'), new URL('http://a.example/'), 'redirects');
    await expect(target).rejects.toThrow(
      'a.example redirects to http://a.example/: refused, because that is not encrypted',
    );
  });

  it('shows no secrets of its target', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(302, { location: 'ftp://user:hunter2@host/path?signature=hunter2' }).end();
    });
    const error = await request(server.url).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(AshlarError);
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('a download', () => {
  const validator = { etag: '"v1"' };

  /** Serves `content`, cut off in the middle of the first `cuts` answers. */
  const flaky = (cuts: number, headers: Record<string, string>, ranges: 'ranges' | 'no ranges') =>
    serve(({ headers: asked }, response) => {
      const from = ranges === 'ranges' ? Number(/^bytes=(\d+)-$/.exec(asked.range ?? '')?.[1] ?? 0) : 0;
      const rest = content.subarray(from);
      const range =
        from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {};
      const head = { ...headers, ...range, 'content-length': String(rest.length) };
      cuts -= 1;
      if (cuts >= 0) cut(response, from > 0 ? 206 : 200, head, rest.subarray(0, 50_000));
      else response.writeHead(from > 0 ? 206 : 200, head).end(rest);
    });

  it('goes on where the connection broke', async () => {
    await using server = await flaky(3, validator, 'ranges');
    const { response, body } = await download(server.url, { headers: { authorization: 'x' } });
    expect(response.length).toBe(content.length);
    expect((await read(body)).equals(content)).toBe(true);
    expect(server.requests.map(({ headers }) => headers.range !== undefined)).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(server.requests[1]?.headers).toMatchObject({ 'if-range': '"v1"', authorization: 'x' });
  });

  it('goes on without a validator when the caller verifies the content', async () => {
    await using server = await flaky(1, {}, 'ranges');
    const { body } = await download(server.url, { verified: true });
    expect((await read(body)).equals(content)).toBe(true);
  });

  it('starts anew and skips what it has when a server knows no ranges', async () => {
    await using server = await flaky(2, {}, 'no ranges');
    const { body } = await download(server.url, { verified: true });
    expect((await read(body)).equals(content)).toBe(true);
  });

  it('fails rather than join two versions of a file', async () => {
    await using server = await flaky(1, validator, 'no ranges');
    const { body } = await download(server.url);
    await expect(read(body)).rejects.toThrow('broke off and cannot be resumed');
  });

  it.each(['bytes 0-99/200000', 'bytes 50001-199999/200000', 'nonsense'])(
    'fails when it asks for the rest and gets %s',
    async range => {
      await using server = await serve(({ headers }, response) => {
        const head = { ...validator, 'content-length': String(content.length) };
        if (headers.range === undefined) cut(response, 200, head, content.subarray(0, 50_000));
        else response.writeHead(206, { 'content-range': range }).end(content);
      });
      const { body } = await download(server.url);
      await expect(read(body)).rejects.toThrow('broke off and cannot be resumed');
    },
  );

  it('fails when it cannot know whether the rest belongs to the same file', async () => {
    await using server = await flaky(1, { etag: 'W/"weak"' }, 'ranges');
    const { body } = await download(server.url);
    await expect(read(body)).rejects.toThrow(ConnectionError);
    expect(server.requests).toHaveLength(1);
  });

  it('gives up when nothing more comes', async () => {
    await using server = await flaky(100, validator, 'no ranges');
    const { body } = await download(server.url, { verified: true });
    await expect(read(body)).rejects.toThrow(ConnectionError);
  });
});

describe('a proxy', () => {
  it('of the environment is asked for plain http', async () => {
    await using proxy = await serve((_, response) => void response.end('by proxy'));
    using _ = withEnvironment({ http_proxy: proxy.url });
    const response = await request('http://somewhere.example/file?x=1');
    expect(String(await response.bytes(20))).toBe('by proxy');
    expect(proxy.requests[0]?.url).toBe('http://somewhere.example/file?x=1');
  });

  it.skipIf(!has('docker-registry', 'openssl'))('of the environment makes tunnels for https', async () => {
    await using registry = await startRegistry({ tls: true });
    const authorities = [await readFile(registry.authority ?? '', 'utf8')];
    const tunnels: (string | undefined)[] = [];
    const proxy = createServer().listen(0, '127.0.0.1');
    proxy.on('connect', ({ url }, socket) => {
      tunnels.push(url);
      const [host, port] = registry.host.split(':');
      const target = connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connected\r\n\r\n'));
      socket.pipe(target).pipe(socket);
      socket.on('error', () => target.destroy());
      target.on('error', () => socket.destroy());
    });
    await once(proxy, 'listening');
    const address = proxy.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    using _ = withEnvironment({ https_proxy: `http://127.0.0.1:${address.port}` });
    // The certificate is for localhost and is checked through the tunnel; what the proxy calls localhost is its affair.
    {
      await using response = await request('https://localhost:1/v2/', { tls: () => ({ authorities }) });
      expect(response.status).toBe(200);
    }
    await expect(request('https://localhost:1/v2/')).rejects.toThrow('its certificate cannot be verified');
    await expect(request('https://other.example/', { tls: () => ({ authorities }) })).rejects.toThrow(
      'its certificate cannot be verified',
    );
    expect(tunnels).toEqual(['localhost:1', 'localhost:1', 'other.example:443']);
    proxy.closeAllConnections();
    proxy.close();
  });

  it('is not asked for the hosts in no_proxy', async () => {
    await using proxy = await serve((_, response) => void response.end('by proxy'));
    await using server = await serve((_, response) => void response.end('direct'));
    using _ = withEnvironment({ http_proxy: proxy.url, no_proxy: 'other.example,127.0.0.1' });
    const response = await request(server.url);
    expect(String(await response.bytes(20))).toBe('direct');
  });
});

describe.skipIf(!has('docker-registry', 'openssl'))('an authority', () => {
  it('in SSL_CERT_FILE is trusted', async () => {
    await using registry = await startRegistry({ tls: true });
    const script = `
      import { request } from '${new URL('../../src/support/http.ts', import.meta.url)}';
      await using response = await request('${registry.url}/v2/');
      console.log(response.status);`;
    const run = (env: NodeJS.ProcessEnv) =>
      runProgram(process.execPath, ['--input-type=module', '-e', script], { env });
    const trusting = await run({ PATH: process.env.PATH, SSL_CERT_FILE: registry.authority });
    expect(trusting).toMatchObject({ stdout: '200\n', status: 0 });
    const strict = await run({ PATH: process.env.PATH });
    expect(strict.stderr).toContain('its certificate cannot be verified');
    expect(strict.status).not.toBe(0);
  });

  it('that the caller gives is trusted, and only then', async () => {
    await using registry = await startRegistry({ tls: true });
    const authorities = [await readFile(registry.authority ?? '', 'utf8')];
    await using response = await request(`${registry.url}/v2/`, { tls: () => ({ authorities }) });
    expect(response.status).toBe(200);
    await expect(request(`${registry.url}/v2/`)).rejects.toThrow('its certificate cannot be verified');
    await using unchecked = await request(`${registry.url}/v2/`, { tls: () => ({ insecure: true }) });
    expect(unchecked.status).toBe(200);
  });
});

describe('a private host', () => {
  it.each([
    ['http://10.1.2.3/', true],
    ['http://172.31.0.1/', true],
    ['http://172.32.0.1/', false],
    ['http://192.168.1.1/', true],
    ['http://169.254.169.254/', true],
    ['http://8.8.8.8/', false],
    ['http://[fd00::1]/', true],
    ['http://[fe80::1]/', true],
    ['http://[2001:4860:4860::8888]/', false],
    ['http://[::ffff:127.0.0.1]/', true],
    ['http://2130706433/', true],
    ['http://localhost./', true],
    ['http://x.localhost/', true],
  ])('%s: %s', async (url, expected) => {
    expect(await isPrivateHost(new URL(url))).toBe(expected);
  });
});
