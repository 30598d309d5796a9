import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseReference } from '../../src/oci/index.ts';
import { parseRegistries, pullSources, pushTarget } from '../../src/oci/registries.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { withEnvironment } from '../support/environment.ts';
import { emptyHome, type TemporaryDirectory } from './fixtures.ts';

let home: TemporaryDirectory;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home[Symbol.dispose]());

function reference(text: string) {
  const parsed = parseReference(text);
  if (parsed.transport !== 'docker') throw new Error(text);
  return parsed;
}

const names = async (text: string) =>
  (await pullSources(reference(text))).map(
    ({ registry, repository, insecure }) => `${registry}/${repository}${insecure ? ' insecure' : ''}`,
  );

const configure = (text: string) => writeFile(home.in('registries.conf'), text);
const digest = `sha256:${'0'.repeat(64)}`;

describe('an image', () => {
  it('comes from its registry when nothing is configured', async () => {
    expect(await names('ghcr.io/a/b')).toEqual(['ghcr.io/a/b']);
  });

  it('comes from the mirrors first', async () => {
    await configure(`
      unqualified-search-registries = ["docker.io"]
      [[registry]]
      location = "docker.io"
      [[registry.mirror]]
      location = "mirror.example:5000"
      insecure = true
      [[registry.mirror]]
      location = "other.example/hub/"
      [[registry]]
      prefix = "ghcr.io/old"
      location = "ghcr.io/new"
      insecure = true`);
    expect(await names('alpine')).toEqual([
      'mirror.example:5000/library/alpine insecure',
      'other.example/hub/library/alpine',
      'docker.io/library/alpine',
    ]);
    expect(await names('ghcr.io/old/x')).toEqual(['ghcr.io/new/x insecure']);
    expect(await names('ghcr.io/older/x')).toEqual(['ghcr.io/older/x']);
    expect(await pushTarget(reference('alpine'))).toEqual({
      registry: 'docker.io',
      repository: 'library/alpine',
      insecure: false,
    });
  });

  it('comes from mirrors for digests or tags only when they say so', async () => {
    await configure(`
      [[registry]]
      location = "a.example"
      [[registry.mirror]]
      location = "digests.example"
      pull-from-mirror = "digest-only"
      [[registry.mirror]]
      location = "tags.example"
      pull-from-mirror = "tag-only"
      [[registry]]
      location = "b.example"
      mirror-by-digest-only = true
      [[registry.mirror]]
      location = "m.example"`);
    expect(await names('a.example/x:1')).toEqual(['tags.example/x', 'a.example/x']);
    expect(await names(`a.example/x@${digest}`)).toEqual(['digests.example/x', 'a.example/x']);
    expect(await names('b.example/x')).toEqual(['b.example/x']);
    expect(await names(`b.example/x:1@${digest}`)).toEqual(['m.example/x', 'b.example/x']);
  });

  it.each([
    ['x.corp.example/a', 'gate.example/a'],
    ['x.y.corp.example:5000/a', 'gate.example/a'],
    ['corp.example/a', 'corp.example/a'],
    ['xcorp.example/a', 'xcorp.example/a'],
  ])('%s under a wildcard comes from %s', async (name, source) => {
    await configure('[[registry]]\nprefix = "*.corp.example"\nlocation = "gate.example"');
    expect(await names(name)).toEqual([source]);
  });

  it('follows the longest prefix', async () => {
    await configure(`
      [[registry]]
      prefix = "h.example"
      blocked = true
      [[registry]]
      prefix = "h.example/good"
      location = "good.example"`);
    expect(await names('h.example/good/x')).toEqual(['good.example/x']);
    await expect(pullSources(reference('h.example/x'))).rejects.toMatchObject({
      message: 'registry h.example is blocked',
      at: { file: home.in('registries.conf'), line: 2, column: 7 },
    });
    await expect(pushTarget(reference('h.example/x'))).rejects.toThrow('is blocked');
  });
});

it('drop-ins of the user win over the file', async () => {
  using _ = withEnvironment({ CONTAINERS_REGISTRIES_CONF: undefined });
  const config = home.in('.config/containers');
  await mkdir(`${config}/registries.conf.d`, { recursive: true });
  await writeFile(
    `${config}/registries.conf`,
    '[[registry]]\nprefix = "ashlar.example"\nlocation = "one.example"',
  );
  expect(await names('ashlar.example/x')).toEqual(['one.example/x']);
  await writeFile(
    `${config}/registries.conf.d/b.conf`,
    '[[registry]]\nprefix = "ashlar.example"\nlocation = "three.example"',
  );
  await writeFile(
    `${config}/registries.conf.d/a.conf`,
    '[[registry]]\nprefix = "ashlar.example"\nlocation = "two.example"',
  );
  await writeFile(`${config}/registries.conf.d/ignored.txt`, 'not toml');
  expect(await names('ashlar.example/x')).toEqual(['three.example/x']);
});

describe('a mistake is shown at its place', () => {
  it.each([
    ['[[registry]]\nlocation = "a\n', 'control characters are not allowed in strings', 2, 14],
    ['x = 1\n  [[registry]]\n', 'a registry needs a prefix or a location', 2, 3],
    ['[[registry]]\nlocation = 5', 'location is not a string', 1, 1],
    [
      '[[registry]]\nprefix = "a"\n[[registry]]\nprefix = "b"\ninsecure = "yes"',
      'insecure is neither true nor false',
      3,
      1,
    ],
    ['[[registry]]\nprefix = "a"\n[[registry.mirror]]\ninsecure = true', 'a mirror needs a location', 1, 1],
    [
      '[[registry]]\nprefix = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "x"',
      'pull-from-mirror is "x"',
      1,
      1,
    ],
    ['registry = 5', 'registry is not a list of tables', 1, 1],
    ['[[registry]]\nprefix = "a"\nmirror = ["b"]', 'mirror is not a list of tables', 1, 1],
    ['registry = [1]', 'registry is not a list of tables', 1, 1],
  ])('%j', (text, message, line, column) => {
    const read = () => parseRegistries(text, 'f.conf');
    expect(read).toThrow(AshlarError);
    expect(read).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        at: { file: 'f.conf', line, column },
      }),
    );
  });
});
