import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  createLayout,
  type Descriptor,
  type Digest,
  documentBytes,
  type ImageConfig,
  type Manifest,
  mediaTypes,
  ociLayerMediaType,
} from '../../src/oci/index.ts';
import { runProgram } from '../../src/support/process.ts';
import { withEnvironment } from '../support/environment.ts';

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface TemporaryDirectory extends Disposable {
  readonly path: string;
  in(name: string): string;
}

export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'ashlar-oci-'));
  return {
    path,
    in: name => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A home without credentials, certificates, registries.conf and proxies of the person who runs the tests. */
export function emptyHome(): TemporaryDirectory {
  const directory = temporaryDirectory();
  const names = [
    'REGISTRY_AUTH_FILE',
    'XDG_CONFIG_HOME',
    'DOCKER_CONFIG',
    'http_proxy',
    'https_proxy',
    'no_proxy',
  ];
  const upper = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const environment = withEnvironment({
    ...Object.fromEntries([...names, ...upper].map(name => [name, undefined])),
    HOME: directory.path,
    XDG_RUNTIME_DIR: directory.in('run'),
    CONTAINERS_REGISTRIES_CONF: directory.in('registries.conf'),
  });
  return {
    ...directory,
    [Symbol.dispose]() {
      environment[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

export interface TestImage {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly configBytes: Uint8Array;
  readonly layers: readonly Uint8Array[];
}

/** An image in memory: a gzipped tar of one file for each content, all bytes true. */
export function makeImage(
  contents: readonly (string | Uint8Array)[],
  config: Partial<ImageConfig> = {},
): TestImage {
  const tars = contents.map((content, i) => tarOf(`file${i}`, content));
  const layers = tars.map(tar => gzipSync(tar));
  const configBytes = documentBytes({
    created: '2024-01-02T03:04:05Z',
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], Labels: { made: 'by test' } },
    rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
    history: tars.map((_, i) => ({ created: '2024-01-02T03:04:05Z', created_by: `layer ${i}` })),
    ...config,
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: describeBytes(mediaTypes.config, configBytes),
    layers: layers.map(layer => describeBytes(ociLayerMediaType('gzip'), layer)),
  };
  const manifestBytes = documentBytes(manifest);
  return {
    descriptor: describeBytes(mediaTypes.manifest, manifestBytes),
    manifest,
    manifestBytes,
    configBytes,
    layers,
  };
}

export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

/** Writes the image into the layout at `path` under these tags. */
export async function putImage(path: string, image: TestImage, ...tags: readonly string[]): Promise<void> {
  const layout = await createLayout(path);
  using change = await layout.change();
  await change.addStream(image.manifest.config, [image.configBytes]);
  for (const [i, layer] of image.manifest.layers.entries())
    await change.addStream(layer, [image.layers[i] ?? Buffer.alloc(0)]);
  await change.addStream(image.descriptor, [image.manifestBytes]);
  await change.setTags(tags.map(tag => ({ tag, descriptor: image.descriptor })));
}

/** What a program prints. Throws when it fails. */
export async function output(program: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runProgram(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

/** One file in the old tar format, by hand: its header is 512 bytes of octal numbers. */
function tarOf(name: string, content: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  const fields = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${bytes.length.toString(8).padStart(11, '0')}\0`],
    [136, '00000000000\0'],
    [148, '        '],
    [156, '0'],
    [257, 'ustar\x0000'],
  ] as const;
  for (const [offset, text] of fields) header.write(text, offset, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512), Buffer.alloc(1024)]);
}
