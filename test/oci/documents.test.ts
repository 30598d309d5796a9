import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestManifest, parseConfig, parseDocument } from '../../src/oci/documents.ts';
import { mediaTypes } from '../../src/oci/index.ts';
import { AshlarError } from '../../src/support/errors.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const descriptor = { mediaType: mediaTypes.config, digest, size: 2 };
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: 1024 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: descriptor, layers: [layer] };
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.index,
  manifests: [{ ...descriptor, mediaType: mediaTypes.manifest }],
};
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } };

const parse = (value: unknown, mediaType?: string) =>
  parseDocument(Buffer.from(JSON.stringify(value)), mediaType, 'it');
const parseConf = (value: unknown) => parseConfig(Buffer.from(JSON.stringify(value)), 'it');

describe('a manifest', () => {
  it('is read with its type', () => {
    expect(parse(manifest, mediaTypes.manifest)).toEqual({
      kind: 'manifest',
      manifest,
      mediaType: mediaTypes.manifest,
    });
  });

  it.each([
    [mediaTypes.dockerManifest, manifest, mediaTypes.dockerManifest],
    [undefined, manifest, undefined],
    ['application/json', manifest, mediaTypes.manifest],
    [undefined, manifest, mediaTypes.manifest],
    [mediaTypes.manifest, manifest, undefined],
  ])('announced as %s is taken for what it says', (announced, document, embedded) => {
    const expected = announced?.includes('manifest') ? announced : (embedded ?? mediaTypes.manifest);
    expect(parse({ ...document, mediaType: embedded }, announced).mediaType).toBe(expected);
  });

  it('may write what is empty as null, as Go does', () => {
    expect(parse({ ...manifest, layers: null, annotations: null })).toMatchObject({
      manifest: { layers: [] },
    });
  });

  it.each<[string, unknown, string | undefined, string]>([
    ['both manifest and index', { ...manifest, manifests: [] }, undefined, 'is both a manifest and an index'],
    ['an index with layers', { ...index, layers: [] }, undefined, 'is both a manifest and an index'],
    [
      'an index with a config',
      { ...index, config: descriptor },
      undefined,
      'is both a manifest and an index',
    ],
    ['neither', { schemaVersion: 2 }, undefined, 'is neither a manifest nor an index'],
    [
      'an index announced as manifest',
      { ...index, mediaType: undefined },
      mediaTypes.manifest,
      'but is an index',
    ],
    [
      'a manifest that calls itself index',
      { ...manifest, mediaType: mediaTypes.index },
      undefined,
      'but is a manifest',
    ],
    ['announced as another type', manifest, mediaTypes.dockerManifest, 'but says that it is'],
    ['schema 1', { schemaVersion: 1, fsLayers: [], history: [] }, undefined, "in docker's schema 1"],
    ['schema 3', { ...manifest, schemaVersion: 3 }, undefined, 'does not have schemaVersion 2'],
    [
      'too many layers',
      { ...manifest, layers: Array(1025).fill(layer) },
      undefined,
      'has 1025 layers; 1024 is the most',
    ],
    [
      'a path as digest',
      { ...manifest, config: { ...descriptor, digest: 'sha256:../../x' } },
      undefined,
      'sha256:../../x',
    ],
    [
      'a negative size',
      { ...manifest, layers: [{ ...layer, size: -1 }] },
      undefined,
      'layer 1: "size" is not a number of bytes',
    ],
    [
      'a fraction as size',
      { ...manifest, layers: [{ ...layer, size: 1.5 }] },
      undefined,
      '"size" is not a number of bytes',
    ],
    [
      'an unsafe size',
      { ...manifest, layers: [{ ...layer, size: 2 ** 60 }] },
      undefined,
      '"size" is not a number of bytes',
    ],
    ['annotations that are no strings', { ...manifest, annotations: { a: 1 } }, undefined, 'annotations'],
    ['a list', [], undefined, 'is not an object'],
  ])('is refused: %s', (_, value, mediaType, message) => {
    const read = () => parse(value, mediaType);
    expect(read).toThrow(AshlarError);
    expect(read).toThrow(message);
  });

  it('is refused when it is larger than 4 MiB', () => {
    const bytes = Buffer.from(
      JSON.stringify({ ...manifest, annotations: { pad: 'x'.repeat(longestManifest) } }),
    );
    expect(() => parseDocument(bytes, undefined, 'it')).toThrow(`it is larger than ${longestManifest} bytes`);
  });

  it('that is anything else makes an AshlarError, never a crash', () => {
    const keys = [...Object.keys(manifest), ...Object.keys(index), 'subject', 'annotations', 'platform'];
    const value = fc.letrec(tie => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, 2, '', digest, mediaTypes.manifest, true),
        fc.array(tie('any')),
        fc.dictionary(fc.constantFrom(...keys), tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, ...Object.values(mediaTypes)), (document, mediaType) => {
        for (const read of [() => parse(document, mediaType), () => parseConf(document)]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(AshlarError);
          }
        }
      }),
    );
  });
});

describe('a config', () => {
  it('keeps what we do not know', () => {
    const full = {
      ...config,
      'os.version': '10',
      config: { Env: ['A=b'], Healthcheck: { Test: ['x'] }, ArgsEscaped: true },
    };
    expect(parseConf(full)).toEqual(full);
  });

  it('loses its nulls', () => {
    const read = parseConf({
      ...config,
      variant: null,
      config: { Env: null, Cmd: null, Volumes: null, OnBuild: null },
      history: null,
    });
    expect(read).toEqual({ ...config, config: {} });
  });

  it.each<[string, unknown, string]>([
    ['no rootfs', { ...config, rootfs: undefined }, '"rootfs" is missing'],
    ['an unknown rootfs', { ...config, rootfs: { type: 'x' } }, 'rootfs.type'],
    ['a bad diff_id', { ...config, rootfs: { type: 'layers', diff_ids: ['sha256:x'] } }, 'sha256:x'],
    ['an Env that is no list', { ...config, config: { Env: 'A=b' } }, '"Env" is not a list'],
    ['a label that is no string', { ...config, config: { Labels: { a: [] } } }, '"Labels"'],
    ['no JSON', undefined, 'is not JSON'],
  ])('is refused: %s', (_, value, message) => {
    const read = () => parseConfig(Buffer.from(value === undefined ? '{' : JSON.stringify(value)), 'it');
    expect(read).toThrow(AshlarError);
    expect(read).toThrow(message);
  });
});
