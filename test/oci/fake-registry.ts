import type { ServerResponse } from 'node:http';
import { type Answer, type SeenRequest, serve, type TestServer } from '../support/http-server.ts';
import type { TestImage } from './fixtures.ts';

/** Serves one image as a registry would, under any repository and tag. Uploads are refused. */
export function answerWith({ descriptor, manifest, manifestBytes, configBytes, layers }: TestImage): Answer {
  const blobs = new Map<string, Uint8Array>([[manifest.config.digest, configBytes]]);
  for (const [i, { digest }] of manifest.layers.entries()) blobs.set(digest, layers[i] ?? Buffer.alloc(0));
  return ({ method, url }, response) => {
    const [, kind, name = ''] =
      /^\/v2\/[\w/.-]+\/(manifests|blobs)\/([\w:.-]+)$/.exec(new URL(url, 'http://x').pathname) ?? [];
    const blob = blobs.get(name);
    if (kind === 'manifests') {
      response.writeHead(200, {
        'content-type': descriptor.mediaType,
        'content-length': String(manifestBytes.length),
        'docker-content-digest': descriptor.digest,
      });
      response.end(method === 'HEAD' ? undefined : manifestBytes);
    } else if (kind === 'blobs' && blob) {
      response.writeHead(200, { 'content-length': String(blob.length) });
      response.end(method === 'HEAD' ? undefined : blob);
    } else {
      response.writeHead(404).end();
    }
  };
}

/** A plain http registry with one image, where `special` may answer instead: it returns true when it did. */
export function fakeRegistry(
  image: TestImage,
  special: (request: SeenRequest, response: ServerResponse, server: TestServer) => boolean = () => false,
): Promise<TestServer> {
  const usual = answerWith(image);
  const starting: Promise<TestServer> = serve(async (request, response) => {
    if (!special(request, response, await starting)) await usual(request, response);
  });
  return starting;
}
