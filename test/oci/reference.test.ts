import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, formatReference, type ImageReference, parseReference } from '../../src/oci/index.ts';
import { AshlarError } from '../../src/support/errors.ts';

const digest: Digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const docker = (registry: string, repository: string, rest: { tag?: string; digest?: Digest }) => ({
  transport: 'docker',
  registry,
  repository,
  ...rest,
});

describe('a reference to a registry', () => {
  it.each<[string, object]>([
    ['alpine', docker('docker.io', 'library/alpine', { tag: 'latest' })],
    ['docker://alpine:3.20', docker('docker.io', 'library/alpine', { tag: '3.20' })],
    ['grafana/grafana', docker('docker.io', 'grafana/grafana', { tag: 'latest' })],
    ['docker.io/alpine', docker('docker.io', 'library/alpine', { tag: 'latest' })],
    ['index.docker.io/library/alpine', docker('docker.io', 'library/alpine', { tag: 'latest' })],
    ['ghcr.io/a/b/c:v1', docker('ghcr.io', 'a/b/c', { tag: 'v1' })],
    ['localhost/x', docker('localhost', 'x', { tag: 'latest' })],
    ['localhost:5000/x', docker('localhost:5000', 'x', { tag: 'latest' })],
    ['LOCAL/x', docker('LOCAL', 'x', { tag: 'latest' })],
    ['127.0.0.1:5000/x:y', docker('127.0.0.1:5000', 'x', { tag: 'y' })],
    ['[::1]:5000/x/y:z', docker('[::1]:5000', 'x/y', { tag: 'z' })],
    ['[fd00::1]/x', docker('[fd00::1]', 'x', { tag: 'latest' })],
    [`alpine@${digest}`, docker('docker.io', 'library/alpine', { digest })],
    [`quay.io/x:t@${digest}`, docker('quay.io', 'x', { tag: 't', digest })],
    ['a__b/c-d/e.f---g', docker('docker.io', 'a__b/c-d/e.f---g', { tag: 'latest' })],
    ['dir:tag', docker('docker.io', 'library/dir', { tag: 'tag' })],
  ])('%s', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  it.each([
    '',
    'docker://',
    'Alpine',
    'host.example/Name',
    'a//b',
    '/a',
    'a/',
    'a:',
    'a:-tag',
    `a:${'t'.repeat(129)}`,
    'a_-b',
    '-a',
    'a@sha256:123',
    'a@sha256:../../etc/passwd',
    'a@b',
    'host.example:port/a',
    'ho_st.example/a',
    `${'a/'.repeat(128)}a`,
    'f'.repeat(64),
    'a b',
    'a\n',
    'http://host/a',
    'docker-daemon:alpine:latest',
    'containers-storage:alpine',
    'oci-archive:/x.tar',
  ])('%j is refused', text => {
    expect(() => parseReference(text)).toThrow(AshlarError);
  });
});

describe('a reference to a layout', () => {
  it.each<[string, object]>([
    ['oci:dest:busybox:0.1.1', { transport: 'oci', path: 'dest', tag: 'busybox:0.1.1' }],
    ['oci:/a/b:latest', { transport: 'oci', path: '/a/b', tag: 'latest' }],
    ['oci:../x y:a/b@c', { transport: 'oci', path: '../x y', tag: 'a/b@c' }],
    [`oci:x@${digest}`, { transport: 'oci', path: 'x', digest }],
    [`oci:x:t@${digest}`, { transport: 'oci', path: 'x', tag: 't', digest }],
  ])('%s', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  it.each(['oci:oci', 'oci:', 'oci::tag', 'oci:x:'])('%s has no tag', text => {
    expect(() => parseReference(text)).toThrow(
      new AshlarError(`bad OCI tag: ${text}`, { hint: 'write oci:directory:tag' }),
    );
  });
});

const matching = (pattern: RegExp) => fc.stringMatching(pattern);
const anyDigest = fc.option(
  matching(/^[0-9a-f]{64}$/).map((hex): Digest => `sha256:${hex}`),
  { nil: undefined },
);
const component = matching(/^[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const registry = fc.oneof(
  matching(/^[a-zA-Z0-9]{1,5}(\.[a-z0-9]{1,5}){1,2}(:[0-9]{1,5})?$/),
  fc
    .ipV6()
    .filter(address => !address.includes('.'))
    .map(address => `[${address}]:5000`),
  fc.constantFrom('localhost', 'localhost:5000'),
);
const references: fc.Arbitrary<ImageReference> = fc
  .oneof(
    fc.record({
      transport: fc.constant('docker' as const),
      registry,
      repository: fc.array(component, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/')),
      tag: fc.option(matching(/^\w[\w.-]{0,12}$/), { nil: undefined }),
      digest: anyDigest,
    }),
    fc.record({
      transport: fc.constant('oci' as const),
      path: matching(/^[^:@\0]{1,12}$/),
      tag: fc.option(matching(/^[\w.:/-]{1,12}$/), { nil: undefined }),
      digest: anyDigest,
    }),
  )
  .filter(({ tag, digest }) => tag !== undefined || digest !== undefined)
  // Absent, not undefined.
  .map(reference => JSON.parse(JSON.stringify(reference)));

it('is read back from the text that it is written as', () => {
  fc.assert(
    fc.property(references, reference => {
      expect(parseReference(formatReference(reference))).toEqual(reference);
    }),
  );
});

it('of any text is either read or refused with an AshlarError', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      try {
        const reference = parseReference(text);
        expect(parseReference(formatReference(reference))).toEqual(reference);
      } catch (error) {
        expect(error).toBeInstanceOf(AshlarError);
      }
    }),
  );
});
