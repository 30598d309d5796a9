import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LookContext } from '../../../src/engine/context.ts';
import type { BuildEvent } from '../../../src/engine/events.ts';
import { type FetchOptions, fetchText } from '../../../src/engine/index.ts';
import { resolveSource } from '../../../src/engine/sources/sources.ts';
import { Store } from '../../../src/engine/store/store.ts';
import type { FileSource, HttpSource } from '../../../src/plan/types.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { cut, serve, type TestServer } from '../../support/http-server.ts';
import { startRegistry } from '../../support/registry.ts';
import { has } from '../../support/tools.ts';

const sum = (algorithm: string, content: string | Uint8Array) =>
  createHash(algorithm).update(content).digest('hex');
const algorithms = ['md5', 'sha1', 'sha256', 'sha512'] as const;
const at = { file: 'image.yaml', line: 3, column: 5 };
const messages = {
  missing: "Error copying resource: 'x'. See logs for more info.",
  mismatch: 'Artifact checksum verification failed!',
  warning: "Cekit is not able to fetch resource 'x' automatically.",
  hint: 'buy it from us',
};

let directory: string;
let store: Store;
let log: string[];
beforeEach(() => {
  // The user's own credentials have no part in this.
  process.env.REGISTRY_AUTH_FILE = '/nonexistent';
  directory = mkdtempSync(join(tmpdir(), 'ashlar-fetched-'));
  store = new Store(join(directory, 'store'));
  log = [];
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

/** What a build says and does of itself, each time anew. */
function build(fetch: FetchOptions = {}): LookContext {
  const emit = (event: BuildEvent) => {
    if (event.kind === 'message') log.push(`${event.level}: ${event.text}`);
  };
  const { signal } = new AbortController();
  return { store, options: { fetch }, emit, signal, shared: new Map() } as unknown as LookContext;
}

async function contentOf(source: FileSource | HttpSource, fetch: FetchOptions = {}): Promise<string> {
  const resolved = await resolveSource(source, 'image', build(fetch));
  const location = await resolved.locate();
  if (location.kind !== 'host') throw new Error('not a file of the host');
  return readFileSync(location.path, 'utf8');
}

const http = (url: string, more: Partial<HttpSource> = {}): HttpSource => ({
  kind: 'http',
  url,
  at,
  ...more,
});

/** The error of work that must fail. */
async function failure(work: Promise<unknown>): Promise<AshlarError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const serving = (content: string): Promise<TestServer> => serve((_, response) => void response.end(content));
const gets = ({ requests }: TestServer) => requests.filter(({ method }) => method === 'GET');

describe('a file with checksums', () => {
  it('is asked for once, whichever checksum it is known by, and whatever its address', async () => {
    await using server = await serving('content');
    const all = Object.fromEntries(algorithms.map(algorithm => [algorithm, sum(algorithm, 'content')]));
    await contentOf(http(`${server.url}/a`, { checksums: all }));
    const before = server.requests.length;
    for (const algorithm of algorithms) {
      const checksums = { [algorithm]: sum(algorithm, 'content') };
      expect(await contentOf(http(`${server.url}/${algorithm}`, { checksums }))).toBe('content');
    }
    expect(server.requests).toHaveLength(before);
  });

  it('must have all of them, in the words of the front end, wherever it comes from', async () => {
    await using server = await serving('content');
    const path = join(directory, 'file');
    writeFileSync(path, 'content');
    for (const algorithm of algorithms) {
      const [actual, wrong] = [sum(algorithm, 'content'), sum(algorithm, 'other')];
      const checksums = { md5: sum('md5', 'content'), sha1: sum('sha1', 'content'), [algorithm]: wrong };
      const url = `${server.url}/${algorithm}`;
      const common = { checksums, messages, at };
      for (const [name, source] of [
        [url, http(url, common)],
        [path, { kind: 'file', path, ...common }],
      ] as const) {
        const error = await failure(contentOf(source));
        expect(error).toMatchObject({
          message: 'Artifact checksum verification failed!',
          hint: `if the file has changed and you trust it, write ${algorithm}: ${actual}`,
          cause: {
            message: `The ${algorithm} computed for the '${name}' file ('${actual}') doesn't match the '${wrong}' value`,
          },
          at,
        });
      }
    }
    expect(log.join('\n')).not.toContain('Cekit is not able');
  });

  it('must have the others, too, when it is found by one', async () => {
    await using server = await serving('content');
    const sha256 = sum('sha256', 'content');
    await contentOf(http(`${server.url}/a`, { checksums: { sha256 } }));
    const checksums = { sha256, md5: sum('md5', 'other') };
    expect((await failure(contentOf(http(`${server.url}/a`, { checksums, messages })))).message).toBe(
      messages.mismatch,
    );
  });

  it('goes on where the connection broke, by any checksum', async () => {
    const bytes = Buffer.alloc(200_000, 'abc');
    const ranges: (string | undefined)[] = [];
    await using server = await serve(({ method, headers }, response) => {
      if (method === 'HEAD') return void response.end();
      ranges.push(headers.range);
      if (ranges.length === 1)
        return cut(response, 200, { 'content-length': '200000' }, bytes.subarray(0, 50_000));
      const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]);
      response.writeHead(206, { 'content-range': `bytes ${start}-199999/200000` });
      response.end(bytes.subarray(start));
    });
    const checksums = { md5: sum('md5', bytes) };
    expect(await contentOf(http(`${server.url}/a`, { checksums }))).toBe(bytes.toString());
    expect(ranges).toHaveLength(2);
    expect(ranges[1]).toMatch(/^bytes=\d+-$/);
  });
});

describe('mirrors', () => {
  it('are asked before the address, one after the other, and nobody hears of what they do wrong', async () => {
    await using origin = await serving('content');
    await using wrong = await serving('wrong');
    await using empty = await serve((_, response) => void response.writeHead(404).end());
    await using mirror = await serving('content');
    const checksums = { sha1: sum('sha1', 'content') };
    const mirrors = ['http://127.0.0.1:1/a', `${empty.url}/a`, `${wrong.url}/a`];
    const first = http(`${origin.url}/a`, { checksums, mirrors: [...mirrors, `${mirror.url}/a`] });
    expect(await contentOf(first)).toBe('content');
    expect([empty, wrong, mirror, origin].map(server => server.requests.length)).toEqual([1, 1, 1, 0]);
    expect(log.filter(line => !line.startsWith('debug: '))).toEqual([]);
  });

  it('are no obstacle when none has it', async () => {
    await using origin = await serving('content');
    const source = http(`${origin.url}/a`, {
      checksums: { sha512: sum('sha512', 'content') },
      mirrors: ['http://127.0.0.1:1/a'],
    });
    expect(await contentOf(source)).toBe('content');
  });

  it('have what is missing on the host', async () => {
    await using mirror = await serving('content');
    const checksums = { md5: sum('md5', 'content') };
    const path = join(directory, 'missing');
    expect(await contentOf({ kind: 'file', path, checksums, mirrors: [`${mirror.url}/a`], at })).toBe(
      'content',
    );
    expect(await contentOf({ kind: 'file', path, checksums, at })).toBe('content');
    expect(mirror.requests).toHaveLength(1);
  });
});

describe('a file that cannot be had', () => {
  it('is told of with a warning, the words of the front end and the reason', async () => {
    await using server = await serve((_, response) => void response.writeHead(403).end());
    const error = await failure(contentOf(http(`${server.url}/a`, { messages })));
    expect(error).toMatchObject({
      message: messages.missing,
      hint: messages.hint,
      at,
      cause: { message: `couldn't download ${server.url}/a: 403 Forbidden` },
    });
    expect(log).toContain(`warning: ${messages.warning}`);
  });

  it('is told of where its address is none', async () => {
    const url = 'http://:8x';
    const text = `"${url}" is not an address`;
    for (const more of [{}, { revalidate: true }, { checksums: { md5: sum('md5', '') } }] as const)
      expect((await failure(contentOf(http(url, { ...more, at })))).message).toContain(text);
    await expect(fetchText(url, build())).rejects.toThrow(text);
  });

  it('is not one that a server sends with another status than 200', async () => {
    await using server = await serve((_, response) => void response.writeHead(203).end('content'));
    expect((await failure(contentOf(http(`${server.url}/a`)))).message).toContain('203 Non-Authoritative');
  });
});

describe('a file without checksums that is to be fetched in every build', () => {
  it('is sent again only when it is another', async () => {
    let content = 'first';
    await using server = await serve(({ headers }, response) => {
      const etag = `"${sum('md5', content)}"`;
      response.setHeader('etag', etag);
      if (headers['if-none-match'] === etag) response.writeHead(304).end();
      else response.end(content);
    });
    const source = http(`${server.url}/a`, { revalidate: true });
    expect(await contentOf(source)).toBe('first');
    expect(await contentOf(source)).toBe('first');
    content = 'second';
    expect(await contentOf(source)).toBe('second');
    expect(gets(server)).toHaveLength(3);
    expect(server.requests).toHaveLength(3);
  });

  it('is sent every time by a server that does not know what it has', async () => {
    await using server = await serving('content');
    const source = http(`${server.url}/a`, { revalidate: true });
    await contentOf(source);
    await contentOf(source);
    expect(gets(server)).toHaveLength(2);
  });

  it('is taken as it was, with a warning, when nobody answers, but not when the server refuses it', async () => {
    let answer: 'content' | 'nothing' | 'refusal' | 'busy' = 'content';
    await using server = await serve((_, response) => {
      if (answer === 'busy') {
        answer = 'content';
        response.writeHead(503).end();
      } else if (answer === 'nothing') response.socket?.destroy();
      else response.writeHead(answer === 'content' ? 200 : 404).end('content');
    });
    const source = http(`${server.url}/a`, { revalidate: true });
    await contentOf(source);
    answer = 'nothing';
    expect(await contentOf(source)).toBe('content');
    expect(log.at(-1)).toMatch(/^warning: .*; using the cached copy of http/);
    answer = 'busy';
    expect(await contentOf(source)).toBe('content');
    expect(log.at(-1)).not.toContain('using the cached copy');
    answer = 'refusal';
    expect((await failure(contentOf(source))).message).toContain('404 Not Found');
  });
});

describe('credentials', () => {
  const credentials = (name: string) => ({ credentials: { [name]: 'me:secret' } });
  const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;

  it('go to their host, and not to another that it redirects to', async () => {
    await using other = await serving('content');
    await using server = await serve(({ url }, response) => {
      if (url === '/here') response.writeHead(302, { location: '/there' }).end();
      else if (url === '/there') response.end('content');
      else response.writeHead(302, { location: `${other.url}/a` }).end();
    });
    const checksums = { md5: sum('md5', 'content') };
    await contentOf(http(`${server.url}/away`, { checksums }), credentials(server.host));
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    await contentOf(http(`${server.url}/here`), credentials('127.0.0.1'));
    expect(server.requests.filter(({ url }) => url === '/there').at(-1)?.headers.authorization).toBe(basic);
    expect(log.join('\n')).not.toContain('secret');
  });

  it('of one host are not sent to another', async () => {
    await using server = await serving('content');
    await contentOf(http(`${server.url}/a`), credentials('example.org'));
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });
});

describe.skipIf(!has('docker-registry', 'openssl'))('a certificate that nobody has signed', () => {
  it('is an error, unless any certificate will do', async () => {
    // The registry would take it for a setting of its own.
    delete process.env.REGISTRY_AUTH_FILE;
    await using registry = await startRegistry({ tls: true });
    const source = http(`${registry.url}/v2/`);
    expect((await failure(contentOf(source))).message).toContain('its certificate cannot be verified');
    expect(await contentOf(source, { insecure: true })).toBe('{}');
  });
});

describe('a text', () => {
  it('is read with credentials, from status 200 only, and must be UTF-8 of a bearable size', async () => {
    await using server = await serve(({ url, headers }, response) => {
      if (url === '/gone') response.writeHead(404).end();
      else if (url === '/binary') response.end(Buffer.from([0xff, 0xfe]));
      else if (url === '/large') response.writeHead(200, { 'content-length': `${(16 << 20) + 1}` }).end();
      else response.end(`é ${headers.authorization}`);
    });
    const read = (path: string) =>
      fetchText(`${server.url}${path}`, build({ credentials: { [server.host]: 'me:secret' } }));
    expect(await read('/')).toMatch(/^é Basic /);
    await expect(read('/gone')).rejects.toThrow(`couldn't download ${server.url}/gone: 404 Not Found`);
    await expect(read('/binary')).rejects.toThrow(`${server.url}/binary is not a text in UTF-8`);
    await expect(read('/large')).rejects.toThrow(`is larger than ${16 << 20} bytes`);
  });
});
