import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  copyImage,
  type Digest,
  ImageSender,
  mediaTypes,
  openImage,
  openLayout,
  parseReference,
  type RegistryReference,
} from '../../src/oci/index.ts';
import { type SeenRequest, serve, type TestServer } from '../support/http-server.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import {
  describeBytes,
  emptyHome,
  makeImage,
  output,
  putImage,
  sha256,
  type TemporaryDirectory,
  type TestImage,
  temporaryDirectory,
} from './fixtures.ts';

const image = makeImage(['one', 'two'.repeat(50_000)]);
const insecure = { insecureFrom: true, insecureTo: true };

let home: TemporaryDirectory;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home[Symbol.dispose]());

const docker = (host: string, rest: string): RegistryReference => {
  const reference = parseReference(`docker://${host}/${rest}`);
  if (reference.transport !== 'docker') throw new Error(rest);
  return reference;
};

async function login(host: string, name: string, secret: string): Promise<void> {
  const auth = Buffer.from(`${name}:${secret}`).toString('base64');
  await writeFile(home.in('auth.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  process.env.REGISTRY_AUTH_FILE = home.in('auth.json');
}

/** A layout that holds this image as `x`. */
async function layoutWith(directory: TemporaryDirectory, content: TestImage) {
  const path = directory.in(`layout-${content.descriptor.digest.slice(7, 15)}`);
  await putImage(path, content, 'x');
  return parseReference(`oci:${path}:x`);
}

describe('an image is copied from layout to layout', () => {
  it('with the same bytes and without copying them', async () => {
    using temporary = temporaryDirectory();
    const from = await layoutWith(temporary, image);
    const descriptor = await copyImage(from, parseReference(`oci:${temporary.in('to')}:a:b`));
    expect(descriptor).toEqual(image.descriptor);
    const copy = await openLayout(temporary.in('to'));
    expect((await copy.tags()).map(({ tag, descriptor: { digest } }) => [tag, digest])).toEqual([
      ['a:b', descriptor.digest],
    ]);
    for (const blob of [...image.manifest.layers, image.manifest.config, image.descriptor]) {
      for await (const _ of copy.blob(blob));
    }
  });

  it('but not when a blob is damaged', async () => {
    using temporary = temporaryDirectory();
    const from = await layoutWith(temporary, image);
    const layout = await openLayout(from.transport === 'oci' ? from.path : '');
    const [layer] = image.manifest.layers;
    if (layer) await writeFile(layout.blobPath(layer.digest), Buffer.alloc(layer.size));
    await expect(copyImage(from, parseReference(`oci:${temporary.in('to')}:x`))).rejects.toThrow(
      'is damaged',
    );
    expect(await (await openLayout(temporary.in('to'))).tags()).toEqual([]);
  });

  it('only under a tag, and only under its own digest', async () => {
    using temporary = temporaryDirectory();
    const from = await layoutWith(temporary, image);
    for (const to of [`@${image.descriptor.digest}`, `:x@sha256:${'0'.repeat(64)}`]) {
      await expect(copyImage(from, parseReference(`oci:${temporary.in('to')}${to}`))).rejects.toThrow(
        'cannot write',
      );
    }
    await expect(copyImage(from, docker('localhost', `x@sha256:${'0'.repeat(64)}`))).rejects.toThrow(
      'cannot push',
    );
  });
});

describe.skipIf(!has('docker-registry', 'skopeo', 'htpasswd'))(
  'an image is pushed to docker-registry',
  () => {
    let registry: TestRegistry;
    beforeAll(async () => {
      registry = await startRegistry();
    });
    afterAll(() => registry[Symbol.asyncDispose]());

    it('so that skopeo gets the same back, and so do we', async () => {
      using temporary = temporaryDirectory();
      const from = await layoutWith(temporary, image);
      await copyImage(from, docker(registry.host, 'a/first:1'), insecure);
      const url = `docker://${registry.host}/a/first:1`;
      await output('skopeo', 'copy', '--src-tls-verify=false', url, `oci:${temporary.in('skopeo')}:x`);
      const theirs = await openImage(parseReference(`oci:${temporary.in('skopeo')}:x`));
      expect(theirs.descriptor).toEqual(image.descriptor);
      await copyImage(
        docker(registry.host, 'a/first:1'),
        parseReference(`oci:${temporary.in('ours')}:x`),
        insecure,
      );
      await output('skopeo', 'inspect', `oci:${temporary.in('ours')}:x`);
      expect((await openImage(parseReference(`oci:${temporary.in('ours')}:x`))).descriptor).toEqual(
        image.descriptor,
      );
    });

    it('by its digest alone', async () => {
      using temporary = temporaryDirectory();
      const to = docker(registry.host, `a/digest@${image.descriptor.digest}`);
      await copyImage(await layoutWith(temporary, image), to, insecure);
      expect((await openImage(to, { insecure: true })).descriptor).toEqual(image.descriptor);
    });

    it('from one of its repositories to another', async () => {
      using temporary = temporaryDirectory();
      await copyImage(await layoutWith(temporary, image), docker(registry.host, 'a/from:1'), insecure);
      await copyImage(docker(registry.host, 'a/from:1'), docker(registry.host, 'b/to:2'), insecure);
      expect((await openImage(docker(registry.host, 'b/to:2'), { insecure: true })).descriptor).toEqual(
        image.descriptor,
      );
    });

    it('with layers larger than a chunk, of incompressible bytes', async () => {
      using temporary = temporaryDirectory();
      const large = makeImage([randomBytes(20 * 1024 * 1024)]);
      await copyImage(await layoutWith(temporary, large), docker(registry.host, 'a/large:1'), insecure);
      const opened = await openImage(docker(registry.host, 'a/large:1'), { insecure: true });
      for (const layer of opened.manifest.layers) for await (const _ of opened.blob(layer));
    });

    it('with a password', async () => {
      using temporary = temporaryDirectory();
      const auth = { username: 'me', password: 'secret' };
      await using guarded = await startRegistry({ auth });
      const from = await layoutWith(temporary, image);
      const to = docker(guarded.host, 'a/b:1');
      await expect(copyImage(from, to, insecure)).rejects.toThrow('wants credentials for a/b');
      await login(guarded.host, auth.username, auth.password);
      await copyImage(from, to, insecure);
      expect((await openImage(to, { insecure: true })).descriptor).toEqual(image.descriptor);
    });

    it('never with damaged blobs', async () => {
      using temporary = temporaryDirectory();
      const other = makeImage(['damaged']);
      const from = await layoutWith(temporary, other);
      const layout = await openLayout(from.transport === 'oci' ? from.path : '');
      const [layer] = other.manifest.layers;
      if (layer) await writeFile(layout.blobPath(layer.digest), Buffer.alloc(layer.size));
      const to = docker(registry.host, 'a/damaged:1');
      await expect(copyImage(from, to, insecure)).rejects.toThrow(`blob ${layer?.digest} is damaged`);
      await expect(openImage(to, { insecure: true })).rejects.toThrow('manifest unknown');
    });

    it('without the layers that may not be distributed', async () => {
      using temporary = temporaryDirectory();
      const [first, second] = image.manifest.layers;
      const foreign = {
        ...first,
        mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
        urls: ['https://x.example/'],
      };
      const manifestBytes = Buffer.from(JSON.stringify({ ...image.manifest, layers: [foreign, second] }));
      const mixed = {
        ...image,
        manifestBytes,
        descriptor: describeBytes(mediaTypes.manifest, manifestBytes),
      };
      const from = await layoutWith(temporary, mixed);
      const requests: string[] = [];
      await using server = await uploads((request, _, usual) => {
        requests.push(`${request.method} ${request.url}`);
        usual();
      });
      await copyImage(from, docker(server.host, 'x:1'), insecure);
      expect(requests.join('\n')).toContain(second?.digest.slice(7));
      expect(requests.join('\n')).not.toContain(first?.digest.slice(7));
    });
  },
);

/** `usual` does what a registry does, and says so to the response, or to another one. */
type Special = (request: SeenRequest, response: ServerResponse, usual: (to?: ServerResponse) => void) => void;

interface UploadServer extends TestServer {
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly manifests: ReadonlyMap<string, Buffer>;
}

/** The pushing half of a registry, with uploads kept in memory; `special` may do something else than the usual. */
async function uploads(special: Special = (_request, _response, usual) => usual()): Promise<UploadServer> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const sessions = new Map<string, Buffer>();
  const usual = ({ method, url, headers, body }: SeenRequest, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const last = pathname.slice(pathname.lastIndexOf('/') + 1);
    const session = sessions.get(last);
    const state = { location: `${pathname}?_state=a%2Fb==` };
    if (pathname.includes('/manifests/')) {
      if (method === 'PUT') manifests.set(last, body);
      const stored = manifests.get(last);
      response.writeHead(method === 'PUT' ? 201 : stored ? 200 : 404).end();
    } else if (method === 'HEAD') {
      response.writeHead(blobs.has(last) ? 200 : 404).end();
    } else if (method === 'POST') {
      const mounted = blobs.has(searchParams.get('mount') ?? '');
      const name = `session${sessions.size}`;
      if (!mounted) sessions.set(name, Buffer.alloc(0));
      response.writeHead(mounted ? 201 : 202, { location: `${pathname}${name}?_state=a%2Fb==` }).end();
    } else if (session === undefined || !url.includes('_state=a%2Fb==')) {
      response.writeHead(404).end();
    } else if (method === 'GET') {
      response.writeHead(204, { ...state, range: `0-${Math.max(session.length - 1, 0)}` }).end();
    } else {
      const expected = `${session.length}-${session.length + body.length - 1}`;
      if (method === 'PATCH' && headers['content-range'] !== expected) {
        response.writeHead(416, state).end();
        return;
      }
      const content = Buffer.concat([session, body]);
      sessions.set(last, content);
      if (method === 'PATCH') {
        response.writeHead(202, { ...state, range: `0-${content.length - 1}` }).end();
        return;
      }
      const digest = searchParams.get('digest') ?? '';
      if (sha256(content) === digest) blobs.set(digest, content);
      response.writeHead(sha256(content) === digest ? 201 : 400).end();
    }
  };
  const server = await serve((request, response) => {
    special(request, response, (to = response) => usual(request, to));
  });
  return { ...server, blobs, manifests, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('a push', () => {
  const allBlobs = (content: TestImage): Digest[] =>
    [...content.manifest.layers, content.manifest.config].map(({ digest }) => digest);

  async function push(content: TestImage, server: TestServer, name = 'some/image:1'): Promise<void> {
    using temporary = temporaryDirectory();
    await copyImage(await layoutWith(temporary, content), docker(server.host, name), insecure);
  }

  const large = makeImage([randomBytes(20 * 1024 * 1024)]);

  it('sends each blob once and whole, then the manifest', async () => {
    await using server = await uploads();
    await push(image, server);
    expect([...server.blobs.keys()].sort()).toEqual(allBlobs(image).sort());
    expect(server.manifests.get('1')?.equals(image.manifestBytes)).toBe(true);
    const methods = server.requests.map(({ method }) => method);
    expect(methods.filter(method => method === 'PUT')).toHaveLength(4);
    expect(methods).not.toContain('PATCH');
    expect(server.requests.at(-1)).toMatchObject({
      method: 'PUT',
      headers: { 'content-type': mediaTypes.manifest },
    });
  });

  it('sends nothing that is there already', async () => {
    await using server = await uploads();
    await push(image, server);
    const before = server.requests.length;
    await push(image, server, 'some/image:2');
    // The registry knows the tags only, so every blob is looked for.
    const again = server.requests.slice(before).map(({ method }) => method);
    expect(again).toEqual(['HEAD', 'HEAD', 'HEAD', 'HEAD', 'PUT']);
  });

  it('looks for no blob when the manifest is there', async () => {
    await using server = await uploads();
    await push(image, server, `some/image@${image.descriptor.digest}`);
    const before = server.requests.length;
    await push(image, server, 'some/image:2');
    expect(server.requests.slice(before).map(({ method }) => method)).toEqual(['HEAD', 'PUT']);
  });

  it('mounts blobs from the repository that they come from', async () => {
    using temporary = temporaryDirectory();
    await using registry = await uploads((request, response, usual) => {
      const { method, url } = request;
      const path = /^\/v2\/some\/source\/(manifests|blobs)\/(.*)$/.exec(url);
      if (method === 'HEAD' && url.includes('/target/')) response.writeHead(404).end();
      else if (method === 'GET' && path) {
        const content = path[1] === 'manifests' ? image.manifestBytes : image.configBytes;
        response
          .writeHead(200, path[1] === 'manifests' ? { 'content-type': mediaTypes.manifest } : {})
          .end(content);
      } else usual();
    });
    await copyImage(await layoutWith(temporary, image), docker(registry.host, 'some/source:1'), insecure);
    const before = registry.requests.length;
    await copyImage(docker(registry.host, 'some/source:1'), docker(registry.host, 'some/target:1'), insecure);
    const posts = registry.requests.slice(before).filter(({ method }) => method === 'POST');
    expect(posts.map(({ url }) => url).sort()).toEqual(
      allBlobs(image)
        .map(
          digest => `/v2/some/target/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=some%2Fsource`,
        )
        .sort(),
    );
    expect(registry.requests.slice(before).filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  it('of one image after another brings what they have in common to a registry once', async () => {
    using temporary = temporaryDirectory();
    const second = makeImage(['one', 'something else']);
    const [common] = image.manifest.layers;
    await using server = await uploads(({ method, url }, response, usual) => {
      if (method === 'HEAD' && url.includes('/second/')) response.writeHead(404).end();
      else usual();
    });
    const sent: string[] = [];
    const sender = new ImageSender({ insecure: true, onBlob: ({ digest }) => sent.push(digest) });
    await sender.send(await layoutWith(temporary, image), docker(server.host, 'first:1'));
    await sender.send(await layoutWith(temporary, second), docker(server.host, 'second:1'));
    expect(sent.sort()).toEqual([...new Set([...allBlobs(image), ...allBlobs(second)])].sort());
    const mounts = server.requests.filter(({ url }) => url.includes('mount='));
    expect(mounts.map(({ url }) => url)).toEqual([
      `/v2/second/blobs/uploads/?mount=${encodeURIComponent(common?.digest ?? '')}&from=first`,
    ]);
  });

  it('goes on in chunks when the registry takes no large bodies', async () => {
    await using server = await uploads(({ method, body }, response, usual) => {
      if (method === 'PUT' && body.length > 10 * 1024 * 1024) response.writeHead(413).end();
      else usual();
    });
    await push(large, server);
    expect([...server.blobs.keys()].sort()).toEqual(allBlobs(large).sort());
    const chunks = server.requests.filter(({ method }) => method === 'PATCH').map(({ body }) => body.length);
    expect(chunks.slice(0, 2)).toEqual([8 * 1024 * 1024, 8 * 1024 * 1024]);
    expect(chunks).toHaveLength(3);
  });

  it('makes chunks as large as the registry wants them', async () => {
    await using server = await uploads(({ method, body }, response, usual) => {
      if (method === 'PUT' && body.length > 10 * 1024 * 1024) response.writeHead(413).end();
      else {
        if (method === 'POST') response.setHeader('oci-chunk-min-length', String(12 * 1024 * 1024));
        usual();
      }
    });
    await push(large, server);
    const chunks = server.requests.filter(({ method }) => method === 'PATCH').map(({ body }) => body.length);
    expect(chunks[0]).toBe(12 * 1024 * 1024);
  });

  it.each(['1e99', 'NaN', '-1', '99999999999'])('makes no chunks of %s bytes', async length => {
    await using server = await uploads(({ method }, response, usual) => {
      if (method === 'POST') response.setHeader('oci-chunk-min-length', length);
      usual();
    });
    await expect(push(image, server)).rejects.toThrow(`wants chunks of at least ${length} bytes`);
  });

  it('asks how far it has come when connections break, and sends only the rest', async () => {
    let broken = 0;
    await using server = await uploads(({ method, headers }, response, usual) => {
      const isLarge = Number(headers['content-length']) > 1024 * 1024;
      if (method === 'PUT' && isLarge) response.socket?.destroy();
      else if (method === 'PATCH' && broken < 2) {
        // Once before the chunk is taken, once after.
        if (broken === 1) usual(new ServerResponse(new IncomingMessage(new Socket())));
        broken += 1;
        response.socket?.destroy();
      } else usual();
    });
    await push(large, server);
    expect([...server.blobs.keys()].sort()).toEqual(allBlobs(large).sort());
    const ranges = server.requests.flatMap(({ method, headers }) =>
      method === 'PATCH' ? headers['content-range'] : [],
    );
    expect(ranges.map(range => Number(range?.split('-')[0]) / 1024 / 1024)).toEqual([0, 0, 8, 16]);
  });

  it('gives up when the registry takes no chunk at all', async () => {
    await using server = await uploads(({ method }, response, usual) => {
      if (method === 'PUT' || method === 'PATCH') response.writeHead(500).end();
      else usual();
    });
    await expect(push(image, server)).rejects.toThrow('answers with status 500');
  });

  it('ends at once when it is forbidden', async () => {
    await using server = await uploads(({ method }, response, usual) => {
      if (method === 'POST') response.writeHead(403).end(JSON.stringify({ errors: [{ message: 'denied' }] }));
      else usual();
    });
    await expect(push(image, server)).rejects.toThrow(`registry ${server.host} answers "denied" (403)`);
    expect(server.manifests.size).toBe(0);
  });

  it('carries no credentials to another host that takes the uploads', async () => {
    await using storage = await uploads();
    await using server = await uploads((request, response, usual) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      } else if (request.method === 'POST') {
        response.writeHead(202, { location: `${storage.url}/upload` }).end();
      } else usual();
    });
    await login(server.host, 'me', 'secret');
    // The storage knows no such session: what matters is what it was told.
    await expect(push(image, server)).rejects.toThrow('404');
    expect(storage.requests.length).toBeGreaterThan(0);
    expect(JSON.stringify(storage.requests.map(({ headers }) => headers))).not.toContain('Basic');
  });

  it('is not led into a private network', async () => {
    await using proxy = await uploads(({ method }, response, usual) => {
      if (method === 'POST') response.writeHead(202, { location: 'http://127.0.0.1:9/upload' }).end();
      else usual();
    });
    process.env.http_proxy = proxy.url;
    using temporary = temporaryDirectory();
    const copying = copyImage(await layoutWith(temporary, image), docker('public.example', 'a:1'), insecure);
    await expect(copying).rejects.toThrow(
      'public.example sends the upload to http://127.0.0.1:9/upload: refused',
    );
  });

  it('notices when the registry stores something else', async () => {
    await using server = await uploads(({ method, url }, response, usual) => {
      if (method === 'PUT' && url.includes('manifests'))
        response.setHeader('docker-content-digest', `sha256:${'0'.repeat(64)}`);
      usual();
    });
    await expect(push(image, server)).rejects.toThrow(
      `as sha256:${'0'.repeat(64)}, not as ${image.descriptor.digest}`,
    );
  });
});
