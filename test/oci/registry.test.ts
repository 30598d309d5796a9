import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createLayout,
  type Descriptor,
  digestOf,
  documentBytes,
  mediaTypes,
  type OpenedImage,
  openImage,
  parseReference,
  resolveDigest,
} from '../../src/oci/index.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { ConnectionError } from '../../src/support/http.ts';
import { withEnvironment } from '../support/environment.ts';
import { cut, type SeenRequest, serve } from '../support/http-server.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { fakeRegistry } from './fake-registry.ts';
import {
  bytesOf,
  describeBytes,
  emptyHome,
  makeImage,
  output,
  putImage,
  type TemporaryDirectory,
  temporaryDirectory,
} from './fixtures.ts';

const image = makeImage(['one', 'two'.repeat(50_000)]);
const plain = { insecure: true };

let home: TemporaryDirectory;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home[Symbol.dispose]());

const open = (host: string, rest = 'some/image:1') =>
  openImage(parseReference(`docker://${host}/${rest}`), plain);

function layerOf(opened: OpenedImage, i = 0): Descriptor {
  const layer = opened.manifest.layers[i];
  if (layer === undefined) throw new Error(`no layer ${i}`);
  return layer;
}

async function login(host: string, entry: object): Promise<string> {
  const path = home.in('auth.json');
  await writeFile(path, JSON.stringify({ auths: { [host]: entry } }));
  process.env.REGISTRY_AUTH_FILE = path;
  return path;
}
const password = (name: string, secret: string) => ({
  auth: Buffer.from(`${name}:${secret}`).toString('base64'),
});

async function failureOf(promise: Promise<unknown>): Promise<AshlarError> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof AshlarError)) throw new Error(`not an AshlarError: ${error}`);
  return error;
}

describe.skipIf(!has('docker-registry', 'skopeo', 'htpasswd', 'openssl'))('docker-registry', () => {
  let temporary: TemporaryDirectory;
  let registry: TestRegistry;
  beforeAll(async () => {
    temporary = temporaryDirectory();
    registry = await startRegistry();
    const layout = temporary.in('layout');
    await putImage(layout, image, 'image');
    const arm = makeImage(['arm'], { architecture: 'arm64' });
    await putImage(layout, arm, 'arm');
    using change = await (await createLayout(layout)).change();
    const manifests = [
      { ...image.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
      { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
    ];
    const index = documentBytes({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
    await change.setTags([{ tag: 'index', descriptor: await change.addBytes(mediaTypes.index, index) }]);
    const copy = (tag: string, to: string, ...options: string[]) =>
      output(
        'skopeo',
        'copy',
        '--dest-tls-verify=false',
        ...options,
        `oci:${layout}:${tag}`,
        `docker://${registry.host}/${to}`,
      );
    await copy('image', 'some/image:1');
    await copy('image', 'some/docker:1', '--format=v2s2');
    await copy('index', 'some/index:1', '--all');
    await copy('index', 'some/list:1', '--all', '--format=v2s2');
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    temporary[Symbol.dispose]();
  });

  it('gives the image that skopeo pushed', async () => {
    const opened = await open(registry.host);
    expect(opened).toMatchObject({ descriptor: image.descriptor, manifest: image.manifest });
    expect(opened.reference).toMatchObject({ tag: '1', digest: image.descriptor.digest });
    expect(opened.config.config?.Labels).toEqual({ made: 'by test' });
    for (const [i, layer] of image.layers.entries()) {
      expect((await bytesOf(opened.blob(layerOf(opened, i)))).equals(layer)).toBe(true);
      expect(opened.localBlob(layerOf(opened, i))).toBeUndefined();
    }
  });

  it("gives docker's own kind of image", async () => {
    const opened = await open(registry.host, 'some/docker:1');
    expect(opened.descriptor.mediaType).toBe(mediaTypes.dockerManifest);
    expect(layerOf(opened).mediaType).toBe('application/vnd.docker.image.rootfs.diff.tar.gzip');
    expect((await bytesOf(opened.blob(layerOf(opened)))).equals(image.layers[0] ?? Buffer.alloc(0))).toBe(
      true,
    );
  });

  it.each(['index', 'list'])('gives the image for the platform out of an %s', async name => {
    const reference = parseReference(`${registry.host}/some/${name}:1`);
    const opened = await openImage(reference, { ...plain, platform: { os: 'linux', architecture: 'arm64' } });
    expect(opened.config.architecture).toBe('arm64');
    const { digest } = opened.reference;
    expect(digest).toBe(await resolveDigest(reference, plain));
    expect(digest).not.toBe(opened.descriptor.digest);
    const again = await openImage(opened.reference, {
      ...plain,
      platform: { os: 'linux', architecture: 'arm64' },
    });
    expect(again.descriptor).toEqual(opened.descriptor);
  });

  it('gives an image by its digest', async () => {
    const opened = await open(registry.host, `some/image@${image.descriptor.digest}`);
    expect(opened.descriptor).toEqual(image.descriptor);
  });

  it.each(['some/image:2', 'other/image:1', `some/image@${digestOf(Buffer.from('x'))}`])(
    'does not know %s',
    async name => {
      const error = await failureOf(open(registry.host, name));
      expect(error.message).toBe(`manifest unknown: docker://${registry.host}/${name}`);
      expect(error.hint).toBe(`registry ${registry.host} has no such repository, tag or digest`);
      await expect(resolveDigest(parseReference(`${registry.host}/${name}`), plain)).rejects.toThrow(
        'manifest unknown',
      );
    },
  );

  it('without encryption is refused unless that is allowed', async () => {
    const error = await failureOf(openImage(parseReference(`${registry.host}/some/image:1`)));
    expect(error.message).toBe(`cannot reach ${registry.host}: it does not speak https`);
    expect(error.hint).toContain('set insecure: true');
  });

  it.each(['damaged', 'truncated', 'longer'])('whose storage is %s does not get away with it', async how => {
    await using broken = await startRegistry();
    await cp(registry.storage, broken.storage, { recursive: true });
    const hex = image.manifest.layers[1]?.digest.slice('sha256:'.length) ?? '';
    const path = join(broken.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const bytes = await readFile(path);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    if (how === 'damaged') await writeFile(path, bytes);
    if (how === 'truncated') await truncate(path, bytes.length - 5);
    if (how === 'longer') await writeFile(path, Buffer.concat([bytes, bytes]));
    const opened = await open(broken.host);
    const message = { damaged: 'is damaged', truncated: 'is truncated', longer: 'is longer than' }[how];
    await expect(bytesOf(opened.blob(layerOf(opened, 1)))).rejects.toThrow(message);
  });
});

describe.skipIf(!has('docker-registry', 'skopeo', 'htpasswd'))('docker-registry with a password', () => {
  let registry: TestRegistry;
  const auth = { username: 'me', password: 'pass:word' };
  beforeAll(async () => {
    registry = await startRegistry({ auth });
    using temporary = temporaryDirectory();
    await putImage(temporary.path, image, 'x');
    const options = ['--dest-tls-verify=false', '--dest-creds', `${auth.username}:${auth.password}`];
    await output(
      'skopeo',
      'copy',
      ...options,
      `oci:${temporary.path}:x`,
      `docker://${registry.host}/some/image:1`,
    );
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  it('wants credentials', async () => {
    const error = await failureOf(open(registry.host));
    expect(error.message).toBe(
      `registry ${registry.host} wants credentials for some/image, and none were found`,
    );
    expect(error.hint).toContain(`podman login ${registry.host}`);
  });

  it('accepts the right ones', async () => {
    await login(registry.host, password(auth.username, auth.password));
    const opened = await open(registry.host);
    expect((await bytesOf(opened.blob(layerOf(opened)))).equals(image.layers[0] ?? Buffer.alloc(0))).toBe(
      true,
    );
  });

  it('refuses the wrong ones, and we say where they are from but not what they are', async () => {
    const path = await login(registry.host, password('me', 'hunter2'));
    const error = await failureOf(open(registry.host));
    expect(error.message).toBe(`registry ${registry.host} refuses the credentials from ${path}`);
    expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toMatch(
      /hunter2|aHVudGVyMg/,
    );
  });
});

describe.skipIf(!has('docker-registry', 'openssl'))('docker-registry with a certificate of its own', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ tls: true });
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  const trust = async () => {
    const authority = home.in(`.config/containers/certs.d/${registry.host}/ca.crt`);
    await mkdir(dirname(authority), { recursive: true });
    await cp(registry.authority ?? '', authority);
  };

  it('is not trusted', async () => {
    const error = await failureOf(openImage(parseReference(`${registry.host}/some/image:1`)));
    expect(error.message).toContain('its certificate cannot be verified');
    expect(error.hint).toContain('set insecure: true');
  });

  it('is trusted when its authority is in certs.d', async () => {
    await trust();
    await expect(openImage(parseReference(`${registry.host}/some/image:1`))).rejects.toThrow(
      'manifest unknown',
    );
  });

  it('is not checked when it is insecure, and stays encrypted', async () => {
    await expect(open(registry.host)).rejects.toThrow('manifest unknown');
  });

  it('is checked again for the next reference', async () => {
    await expect(open(registry.host)).rejects.toThrow('manifest unknown');
    await expect(openImage(parseReference(`${registry.host}/some/image:1`))).rejects.toThrow(
      'cannot be verified',
    );
  });
});

describe.skipIf(!has('docker-registry', 'openssl'))('docker-registry that wants certificates', () => {
  it('gets the one in certs.d', async () => {
    await using registry = await startRegistry({ tls: 'mutual' });
    const reference = parseReference(`${registry.host}/some/image:1`);
    const directory = home.in(`.config/containers/certs.d/${registry.host}`);
    await mkdir(directory, { recursive: true });
    await cp(registry.authority ?? '', join(directory, 'ca.crt'));
    await expect(openImage(reference)).rejects.toThrow(`cannot reach ${registry.host}`);
    await cp(registry.certificate?.certificate ?? '', join(directory, 'client.cert'));
    await expect(openImage(reference)).rejects.toThrow('client.cert has no client.key beside it');
    await cp(registry.certificate?.key ?? '', join(directory, 'client.key'));
    await expect(openImage(reference)).rejects.toThrow('manifest unknown');
  });
});

describe.skipIf(!has('docker-registry', 'openssl'))('what is insecure for a registry', () => {
  let other: TestRegistry;
  beforeAll(async () => {
    other = await startRegistry({ tls: true });
  });
  afterAll(() => other[Symbol.asyncDispose]());

  it('is not so for its token server', async () => {
    await using server = await fakeRegistry(image, (_, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${other.url}/token"` }).end();
      return true;
    });
    await expect(open(server.host)).rejects.toThrow(
      `cannot reach ${other.host}: its certificate cannot be verified`,
    );
  });

  it('is not so where it redirects to', async () => {
    await using server = await fakeRegistry(image, ({ url }, response) => {
      if (url.includes('manifests')) return false;
      response.writeHead(307, { location: `${other.url}/blob` }).end();
      return true;
    });
    await expect(open(server.host)).rejects.toThrow(
      `cannot reach ${other.host}: its certificate cannot be verified`,
    );
  });
});

describe('a registry', () => {
  it('is asked for the manifest and the config, and for nothing else', async () => {
    await using server = await fakeRegistry(image);
    await open(server.host);
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v2/some/image/manifests/1',
      `GET /v2/some/image/blobs/${image.manifest.config.digest}`,
    ]);
    expect(server.requests[0]?.headers.accept?.split(', ')).toEqual([
      mediaTypes.manifest,
      mediaTypes.index,
      mediaTypes.dockerManifest,
      mediaTypes.dockerIndex,
    ]);
  });

  it('is asked once, by HEAD, what a tag stands for', async () => {
    await using server = await fakeRegistry(image);
    expect(await resolveDigest(parseReference(`${server.host}/x:1`), plain)).toBe(image.descriptor.digest);
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('that does not say the digest is asked for the manifest', async () => {
    await using server = await fakeRegistry(image, ({ url, method }, response) => {
      if (!url.includes('manifests')) return false;
      response
        .writeHead(200, { 'content-type': mediaTypes.manifest })
        .end(method === 'HEAD' ? undefined : image.manifestBytes);
      return true;
    });
    expect(await resolveDigest(parseReference(`${server.host}/x:1`), plain)).toBe(image.descriptor.digest);
    expect((await open(server.host)).descriptor).toEqual(image.descriptor);
  });

  it('that nobody runs is named', async () => {
    const server = await fakeRegistry(image);
    await server[Symbol.asyncDispose]();
    const error = await failureOf(openImage(parseReference(`${server.host}/x`)));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(`cannot reach ${server.host}: connection refused`);
    expect(error.hint).toMatch(/^nothing listens on port \d+ of 127\.0\.0\.1: /);
  });

  it.each([503, 429])('that is busy (%i) is asked again', async status => {
    const busy = new Set<string>();
    await using server = await fakeRegistry(image, ({ url }, response) => {
      if (busy.has(url)) return false;
      busy.add(url);
      response.writeHead(status, { 'retry-after': '0' }).end();
      return true;
    });
    const opened = await open(server.host);
    expect((await bytesOf(opened.blob(layerOf(opened)))).equals(image.layers[0] ?? Buffer.alloc(0))).toBe(
      true,
    );
    expect(server.requests).toHaveLength(6);
  });

  it('that cuts a blob off is asked for the rest of it', async () => {
    const layer = image.layers[1] ?? Buffer.alloc(0);
    const { digest = '' } = image.manifest.layers[1] ?? {};
    await using server = await fakeRegistry(image, ({ url, headers }, response) => {
      if (!url.endsWith(digest)) return false;
      const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
      const rest = layer.subarray(from);
      const head = {
        'content-length': String(rest.length),
        'content-range': `bytes ${from}-${layer.length - 1}/${layer.length}`,
      };
      if (from < 100) cut(response, from === 0 ? 200 : 206, head, rest.subarray(0, 50));
      else response.writeHead(206, head).end(rest);
      return true;
    });
    const opened = await open(server.host);
    expect((await bytesOf(opened.blob(layerOf(opened, 1)))).equals(layer)).toBe(true);
    expect(server.requests.flatMap(({ headers }) => headers.range ?? [])).toEqual([
      'bytes=50-',
      'bytes=100-',
    ]);
  });

  it('that says a wrong digest or sends another manifest is caught', async () => {
    const other = makeImage(['other']);
    await using lying = await fakeRegistry(image, ({ url }, response) => {
      if (!url.includes('manifests')) return false;
      response
        .writeHead(200, {
          'content-type': mediaTypes.manifest,
          'docker-content-digest': other.descriptor.digest,
        })
        .end(image.manifestBytes);
      return true;
    });
    await expect(open(lying.host)).rejects.toThrow('is damaged: its digest is');
    await using swapping = await fakeRegistry(other);
    await expect(open(swapping.host, `x@${image.descriptor.digest}`)).rejects.toThrow(
      'is damaged: its digest is',
    );
  });

  it.each<[string, Record<string, string>, string, string]>([
    [
      'both manifest and index',
      {},
      JSON.stringify({ ...image.manifest, manifests: [] }),
      'is both a manifest and an index',
    ],
    [
      'announced as an index',
      { 'content-type': mediaTypes.index },
      String(image.manifestBytes),
      'but says that it is',
    ],
    ['too large', {}, ' '.repeat(5 * 1024 * 1024), 'is larger than 4194304 bytes'],
    ['announced as too large', { 'content-length': '99999999' }, '', 'is larger than 4194304 bytes'],
    [
      'with a digest like a path',
      { 'docker-content-digest': 'sha256:../../x' },
      String(image.manifestBytes),
      'sha256:../../x',
    ],
    ['not JSON', {}, '<html>', 'is not JSON'],
  ])('with a manifest that is %s is refused', async (_, headers, body, message) => {
    await using server = await fakeRegistry(image, ({ url }, response) => {
      if (!url.includes('manifests')) return false;
      response.writeHead(200, headers).end(body);
      return true;
    });
    await expect(open(server.host)).rejects.toThrow(message);
  });

  it('whose index is wrong about a manifest is refused', async () => {
    const wrong = [
      { ...image.descriptor, size: image.descriptor.size + 1 },
      { ...image.descriptor, mediaType: mediaTypes.dockerManifest },
    ];
    const messages = ['does not have', 'but says that it is'];
    for (const [i, entry] of wrong.entries()) {
      const manifestBytes = documentBytes({
        schemaVersion: 2,
        mediaType: mediaTypes.index,
        manifests: [entry],
      });
      const index = { ...image, descriptor: describeBytes(mediaTypes.index, manifestBytes), manifestBytes };
      await using server = await fakeRegistry(index, ({ url }, response) => {
        if (!url.endsWith(entry.digest)) return false;
        response.writeHead(200, { 'content-type': mediaTypes.manifest }).end(image.manifestBytes);
        return true;
      });
      await expect(open(server.host)).rejects.toThrow(messages[i]);
    }
  });

  it('is quoted in errors without its control characters', async () => {
    await using server = await fakeRegistry(image, (_, response) => {
      response
        .writeHead(400)
        .end(JSON.stringify({ errors: [{ code: 'X', message: 'no\u001b[31m way\n!' }] }));
      return true;
    });
    const { message } = await failureOf(open(server.host));
    expect(message).toBe(
      `cannot pull docker://${server.host}/some/image:1: registry ${server.host} answers "no [31m way !" (400)`,
    );
  });

  it('is left alone when the caller gives up', async () => {
    await using server = await fakeRegistry(image, ({ url }, response) => {
      if (!url.includes(layerDigest)) return false;
      response.writeHead(200);
      response.write('begin');
      return true;
    });
    const layerDigest = image.manifest.layers[0]?.digest ?? '';
    const controller = new AbortController();
    const opened = await openImage(parseReference(`${server.host}/x:1`), {
      ...plain,
      signal: controller.signal,
    });
    const reading = bytesOf(opened.blob(layerOf(opened)));
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(reading).rejects.toThrow('enough');
  });

  it('is named, with the image, when a blob is damaged', async () => {
    const [first, second] = image.layers;
    await using server = await fakeRegistry({
      ...image,
      layers: [second ?? Buffer.alloc(0), first ?? Buffer.alloc(0)],
    });
    const opened = await open(server.host);
    const { digest, size } = layerOf(opened);
    await expect(bytesOf(opened.blob(layerOf(opened)))).rejects.toThrow(
      `docker://${server.host}/some/image:1: blob ${digest} is longer than the ${size} bytes of its descriptor`,
    );
  });
});

describe('a foreign layer', () => {
  it('is never fetched from its urls', async () => {
    await using elsewhere = await serve((_, response) => void response.end(image.layers[0]));
    const foreign = {
      ...image.manifest.layers[0],
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      urls: [`${elsewhere.url}/layer`],
    };
    const manifestBytes = Buffer.from(
      JSON.stringify({ ...image.manifest, layers: [foreign, image.manifest.layers[1]] }),
    );
    const withForeign = {
      ...image,
      descriptor: describeBytes(mediaTypes.manifest, manifestBytes),
      manifestBytes,
    };
    await using server = await fakeRegistry(withForeign, ({ url }, response) => {
      if (!url.endsWith(String(foreign.digest))) return false;
      response.writeHead(404).end();
      return true;
    });
    const opened = await open(server.host);
    const error = await failureOf(bytesOf(opened.blob(layerOf(opened))));
    expect(error.hint).toBe('it is only at the addresses in "urls", which are never followed');
    expect(elsewhere.requests).toHaveLength(0);
  });
});

describe('a token', () => {
  /** A registry that wants tokens from `/token` on the same server. */
  const guarded = (answer: (request: SeenRequest) => object | number) =>
    fakeRegistry(image, (request, response, server) => {
      const { url, headers } = request;
      if (url.startsWith('/token')) {
        const token = answer(request);
        if (typeof token === 'number') response.writeHead(token).end('{}');
        else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(token));
        return true;
      }
      return challenge(headers.authorization, 'Bearer good', response, server.url);
    });
  const challenge = (sent: string | undefined, wanted: string, response: ServerResponse, realm: string) => {
    if (sent === wanted) return false;
    response
      .writeHead(401, { 'www-authenticate': `Bearer realm="${realm}/token",service="s & s",scope="ignored"` })
      .end();
    return true;
  };
  const tokenRequests = ({ requests }: { requests: readonly SeenRequest[] }) =>
    requests.filter(({ url }) => url.startsWith('/token'));

  it('is fetched once, without a name, for what is to be pulled', async () => {
    await using server = await guarded(() => ({ token: 'good', expires_in: 300 }));
    const opened = await open(server.host);
    await Promise.all(opened.manifest.layers.map(layer => bytesOf(opened.blob(layer))));
    const [request, ...more] = tokenRequests(server);
    expect(more).toEqual([]);
    expect(request?.headers.authorization).toBeUndefined();
    const query = new URL(request?.url ?? '', server.url).searchParams;
    expect(Object.fromEntries(query)).toEqual({ service: 's & s', scope: 'repository:some/image:pull' });
  });

  it('may be called access_token', async () => {
    await using server = await guarded(() => ({ access_token: 'good' }));
    await expect(open(server.host)).resolves.toBeDefined();
  });

  it('is asked for with the name and password of the registry', async () => {
    await using server = await guarded(({ headers }) =>
      headers.authorization === `Basic ${Buffer.from('me:secret').toString('base64')}`
        ? { token: 'good' }
        : 401,
    );
    await login(server.host, password('me', 'secret'));
    await expect(open(server.host)).resolves.toBeDefined();
    expect(tokenRequests(server)[0]?.url).toContain('account=me');
    for (const { url, headers } of server.requests) {
      if (!url.startsWith('/token')) expect(headers.authorization ?? '').not.toContain('Basic');
    }
  });

  it('is traded for an identity token by POST', async () => {
    await using server = await guarded(({ method, body }) => {
      const form = Object.fromEntries(new URLSearchParams(String(body)));
      const right = {
        grant_type: 'refresh_token',
        client_id: 'ashlar',
        refresh_token: 'opaque',
        service: 's & s',
        scope: 'repository:some/image:pull',
      };
      return method === 'POST' &&
        JSON.stringify(Object.entries(form).sort()) === JSON.stringify(Object.entries(right).sort())
        ? { access_token: 'good' }
        : 400;
    });
    await login(server.host, { identitytoken: 'opaque' });
    await expect(open(server.host)).resolves.toBeDefined();
  });

  it('that has run out is replaced', async () => {
    const tokens = ['first', 'second'];
    let valid = 'first';
    await using server = await fakeRegistry(image, ({ url, headers }, response, { url: self }) => {
      if (url.startsWith('/token')) {
        response.end(JSON.stringify({ token: tokens.shift(), expires_in: 3600 }));
        return true;
      }
      return challenge(headers.authorization, `Bearer ${valid}`, response, self);
    });
    const opened = await open(server.host);
    valid = 'second';
    await expect(bytesOf(opened.blob(layerOf(opened)))).resolves.toBeDefined();
    expect(tokenRequests(server)).toHaveLength(2);
  });

  it('that is refused is reported with the file of the credentials', async () => {
    await using server = await guarded(() => 401);
    const path = await login(server.host, password('me', 'hunter2'));
    const error = await failureOf(open(server.host));
    expect(error.message).toBe(`registry ${server.host} refuses the credentials from ${path}`);
    expect(String(error.cause)).not.toContain('hunter2');
  });

  it('that does not help is not fetched for ever', async () => {
    await using server = await guarded(() => ({ token: 'bad' }));
    await expect(open(server.host)).rejects.toThrow('wants credentials for some/image, and none were found');
    expect(tokenRequests(server)).toHaveLength(1);
  });

  it.each([{}, { token: 5 }, { token: 'a\r\nX-Evil: 1' }, { token: '' }])('is not %j', async answer => {
    await using server = await guarded(() => answer);
    await expect(open(server.host)).rejects.toThrow('has no token');
  });

  it('server in a private network is not asked by a public registry', async () => {
    // As a proxy, the server is every host: the registry, and whatever it names.
    await using proxy = await serve((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://169.254.169.254/latest"' }).end();
    });
    using _ = withEnvironment({ http_proxy: proxy.url });
    await login('public.example', password('me', 'hunter2'));
    await expect(open('public.example')).rejects.toThrow(
      'public.example sends us for a token to http://169.254.169.254/latest: refused, because that is in a private network',
    );
    expect(proxy.requests.map(({ url }) => url)).toEqual(['http://public.example/v2/some/image/manifests/1']);
  });
});

describe('credentials', () => {
  it('are not sent where a blob is redirected to', async () => {
    await using storage = await serve((_, response) => void response.end(image.layers[0]));
    const digest = image.manifest.layers[0]?.digest ?? '';
    await using server = await fakeRegistry(image, ({ url, headers }, response) => {
      if (headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (url.endsWith(digest))
        response.writeHead(307, { location: `${storage.url}/blob?signature=1` }).end();
      else return false;
      return true;
    });
    await login(server.host, password('me', 'secret'));
    const opened = await open(server.host);
    expect((await bytesOf(opened.blob(layerOf(opened)))).equals(image.layers[0] ?? Buffer.alloc(0))).toBe(
      true,
    );
    expect(storage.requests.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/blob?signature=1', undefined],
    ]);
  });

  it('are not sent where a redirect asks for them', async () => {
    await using storage = await serve(
      (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    await using server = await fakeRegistry(image, ({ headers }, response) => {
      if (headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else response.writeHead(307, { location: storage.url }).end();
      return true;
    });
    await login(server.host, password('me', 'secret'));
    await expect(open(server.host)).rejects.toThrow('answers with status 401');
    expect(JSON.stringify(storage.requests)).not.toContain('Basic');
  });

  it('are not sent before they are asked for', async () => {
    await using server = await fakeRegistry(image);
    await login(server.host, password('me', 'secret'));
    await open(server.host);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });
});

describe('a mirror', () => {
  const configure = (host: string, mirror: string) =>
    writeFile(
      home.in('registries.conf'),
      `[[registry]]\nlocation = "${host}"\ninsecure = true\n[[registry.mirror]]\nlocation = "${mirror}/cache"\ninsecure = true`,
    );

  it('is asked instead of the registry', async () => {
    await using mirror = await fakeRegistry(image);
    await using server = await fakeRegistry(image);
    await configure(server.host, mirror.host);
    const opened = await openImage(parseReference(`${server.host}/some/image:1`));
    await bytesOf(opened.blob(layerOf(opened)));
    expect(opened.reference).toMatchObject({ registry: server.host, repository: 'some/image' });
    expect(server.requests).toEqual([]);
    expect(mirror.requests[0]?.url).toBe('/v2/cache/some/image/manifests/1');
  });

  it('that has not got the image, or serves another one, is passed over', async () => {
    await using server = await fakeRegistry(image);
    await using empty = await serve((_, response) => void response.writeHead(404).end());
    await using wrong = await fakeRegistry(makeImage(['wrong']));
    for (const mirror of [empty, wrong]) {
      await configure(server.host, mirror.host);
      const opened = await openImage(parseReference(`${server.host}/some/image@${image.descriptor.digest}`));
      expect(opened.descriptor).toEqual(image.descriptor);
    }
  });

  it('does not hide what the registry itself says', async () => {
    await using server = await serve((_, response) => void response.writeHead(404).end());
    await configure(server.host, server.host);
    await expect(openImage(parseReference(`${server.host}/some/image:1`))).rejects.toThrow(
      `manifest unknown: docker://${server.host}/some/image:1`,
    );
    expect(server.requests).toHaveLength(2);
  });
});
