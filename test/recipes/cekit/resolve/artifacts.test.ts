import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFiles } from '../load.ts';
import { resolved, resolvedIn } from '../resolved.ts';

const image = (artifacts: string) => `{name: i, version: '1', from: f, artifacts: ${artifacts}}`;

async function artifactsOf(artifacts: string, files: Readonly<Record<string, string>> = {}, more = {}) {
  const { description, cwd, ...said } = await resolved({ 'image.yaml': image(artifacts), ...files }, more);
  const known = description.target.image.artifacts.map(({ at, ...artifact }) =>
    artifact.kind === 'path' ? { ...artifact, path: artifact.path.replace(`${cwd}/`, '') } : artifact,
  );
  return { ...said, artifacts: known };
}

describe('an artifact', () => {
  it('has name, target and dest although nothing says them', async () => {
    const list = [
      '{path: x/y.txt}',
      '{path: dir/}',
      '{name: n, path: x/y.txt}',
      '{name: a/b/c d.txt, path: y}',
      "{url: 'https://h/d/z.jar'}",
      '{image: other, path: /opt/bin}',
      '{git: {url: https://h/tools.x.git, ref: main}}',
      "{pnc_build_id: '1', pnc_artifact_id: '2', target: p.jar}",
    ];
    const { artifacts } = await artifactsOf(`[${list.join(', ')}]`);
    expect(artifacts.map(({ kind, name, target, dest }) => [kind, name, target, dest])).toEqual(
      [
        ['path', 'y.txt', 'y.txt'],
        ['path', 'dir', 'dir'],
        ['path', 'n', 'n'],
        ['path', 'a/b/c d.txt', 'c d.txt'],
        ['url', 'z.jar', 'z.jar'],
        ['image', 'bin', 'bin'],
        ['git', 'tools', 'tools'],
        ['pnc', 'p.jar', 'p.jar'],
      ].map(line => [...line, '/tmp/artifacts/']),
    );
    expect(artifacts.slice(-2)).toMatchObject([
      { url: 'https://h/tools.x.git', ref: 'main' },
      { buildId: '1', artifactId: '2' },
    ]);
  });

  it.each([
    ['/files', '/files/'],
    ['/files/', '/files/'],
    ['/x/../y//z', '/y/z/'],
    ['/', '/'],
    ['//', '/'],
    ['//x', '/x/'],
    ['/../x', '/x/'],
    ["''", './'],
    ['.', './'],
    ['a/../b//c', 'b/c/'],
    ['../x', '../x/'],
    ['$HOME/x', '$HOME/x/'],
  ])('goes to a directory that is written plainly: %s', async (dest, expected) => {
    const { artifacts } = await artifactsOf(`[{path: f, dest: ${dest}}]`);
    expect(artifacts).toMatchObject([{ dest: expected }]);
  });

  it.each([
    ['sub/b.txt', 'sub/b.txt'],
    ['/sub//./b.txt', 'sub/b.txt'],
    ['b c.txt', 'b c.txt'],
    ["''", 'n'],
  ])('may have directories in its target: %s', async (target, expected) => {
    const { artifacts } = await artifactsOf(`[{name: n, path: f, target: ${target}}]`);
    expect(artifacts).toMatchObject([{ target: expected }]);
  });

  it.each(['..', '../x', 'x/../../y', '.', '/'])('cannot leave its dest: %s', async target => {
    await expect(artifactsOf(`[{name: n, path: f, target: ${target}}]`)).rejects.toMatchObject({
      message: `artifact 'n' cannot have the target '${target}'`,
      at: { line: 1, column: 73 },
    });
  });

  it('has the content of a directory of an image in its dest itself for a dot', async () => {
    const { artifacts } = await artifactsOf('[{image: i, path: /d, dest: /x, target: .}]');
    expect(artifacts).toMatchObject([{ kind: 'image', target: '.', dest: '/x/' }]);
    await expect(artifactsOf('[{name: /, image: i, path: /d}]')).rejects.toThrow('cannot have the target');
  });

  it('keeps description, mode and owner', async () => {
    const { artifacts } = await artifactsOf(
      "[{path: f, description: d, mode: '0750', uid: 1, gid: 2}, {path: g, uid: 0}]",
    );
    expect(artifacts).toEqual([
      expect.objectContaining({ description: 'd', mode: 0o750, uid: 1, gid: 2 }),
      { kind: 'path', name: 'g', target: 'g', dest: '/tmp/artifacts/', path: 'g', checksums: {}, uid: 0 },
    ]);
  });
});

describe('an address', () => {
  it('is fetched over the network, or is a path', async () => {
    const { artifacts } = await artifactsOf(
      "[{url: 'http://h/a?x=1', md5: 0123456789ABCDEF0123456789abcdef}, {url: HTTPS://h/b}, {url: 'file:///etc/hostname'}, {name: n, url: /etc/hostname}, {url: sub/f}]",
    );
    expect(artifacts).toMatchObject([
      { kind: 'url', url: 'http://h/a?x=1', checksums: { md5: '0123456789abcdef0123456789abcdef' } },
      { kind: 'url', url: 'HTTPS://h/b', checksums: {} },
      { kind: 'path', path: '/etc/hostname', name: 'hostname' },
      { kind: 'path', path: '/etc/hostname', name: 'n' },
      { kind: 'path', path: 'sub/f' },
    ]);
  });

  it('of a file may have percent signs in it, or mean something by them', async () => {
    await using directory = await writeFiles({ 'a%20b': '', 'image.yaml': '' });
    const artifacts = ['a%20b', 'c%20d', 'c%zz'].map(name => `{url: 'file://${directory.path}/${name}'}`);
    const options = { descriptor: '-', readStdin: async () => image(`[${artifacts.join(', ')}]`) };
    const { description } = await resolvedIn(directory.path, options);
    expect(description.target.image.artifacts).toMatchObject(
      ['a%20b', 'c d', 'c%zz'].map(name => ({ path: join(directory.path, name) })),
    );
  });

  it.each([
    ['ftp://h/f', 'Unsupported URL scheme: ftp://h/f'],
    ['mailto:x', 'Unsupported URL scheme: mailto:x'],
    ['file://other.host/f', 'not the address of a file of this machine: file://other.host/f'],
    ['file:///a%00b', 'not the address of a file of this machine: file:///a%00b'],
    ['http://', 'not a valid address: http://'],
  ])('that nobody can fetch is an error: %s', async (url, message) => {
    await expect(artifactsOf(`[{name: n, url: '${url}'}]`)).rejects.toMatchObject({
      message,
      at: { line: 1, column: 61 },
    });
  });
});

describe('checksums', () => {
  it('are in lower case', async () => {
    const sums = {
      md5: 'A'.repeat(32),
      sha1: 'B'.repeat(40),
      sha256: 'C'.repeat(64),
      sha512: 'D'.repeat(128),
    };
    const lower = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum.toLowerCase()]));
    const { artifacts, warnings } = await artifactsOf(
      JSON.stringify([
        { name: 'n', ...sums },
        { path: 'f', ...sums },
      ]),
    );
    expect(artifacts).toMatchObject([
      { kind: 'plain', checksums: lower },
      { kind: 'path', checksums: lower },
    ]);
    expect(warnings).toEqual([]);
  });

  it('of sources belong to their address', async () => {
    const { artifacts } = await artifactsOf(
      JSON.stringify([
        { url: 'https://h/z.jar', 'source-url': 'https://h/z.tgz', 'source-md5': 'A'.repeat(32) },
      ]),
    );
    const origin = { url: { text: 'https://h/z.tgz' }, checksums: { md5: 'a'.repeat(32) } };
    expect(artifacts).toMatchObject([{ kind: 'url', checksums: {}, origin }]);
  });

  it('have digits and nothing else', async () => {
    await expect(artifactsOf('[{name: n, sha256: ../../etc}]')).rejects.toMatchObject({
      message: "'../../etc' is no sha256",
      hint: 'it has 64 hexadecimal digits',
      at: { line: 1, column: 64 },
    });
  });

  it('of another length fit nothing, which is said', async () => {
    const { warnings } = await artifactsOf("[{name: n, md5: '00'}]");
    expect(warnings).toEqual(["image.yaml:1: nothing has the md5 '00': it has 32 digits"]);
  });

  it('cannot be those of a directory', async () => {
    await expect(
      artifactsOf("[{name: n, path: d, sha1: 'f572d396fae9206628714fb2ce00f72e94f2258f'}]", { 'd/x': '' }),
    ).rejects.toMatchObject({
      message: "artifact 'n' is a directory, which can have no checksum",
      at: { line: 1, column: 71 },
    });
  });
});

describe('a relative path', () => {
  it('counts from the descriptor, or from the override that it is in', async () => {
    const overrides = [
      { kind: 'path', value: 'o/v.yaml' },
      { kind: 'text-or-path', value: '{artifacts: [{name: inline, path: x}]}' },
      { kind: 'text-or-path', value: 'http://h/remote.yaml' },
    ];
    const { artifacts } = await artifactsOf(
      '',
      {
        'sub/image.yaml': image('[{name: own, path: x}, {name: up, path: ../x}]'),
        'o/v.yaml': '{artifacts: [{name: file, path: x}]}',
      },
      {
        descriptor: 'sub/image.yaml',
        overrides,
        fetchText: async () => '{artifacts: [{name: remote, path: x}, {name: absolute, path: /x}]}',
      },
    );
    expect(artifacts.map(artifact => [artifact.name, artifact.kind === 'path' && artifact.path])).toEqual([
      ['own', 'sub/x'],
      ['up', 'x'],
      ['file', 'o/x'],
      ['inline', 'sub/x'],
      // Nothing can be there: what comes from elsewhere has no directory here.
      ['remote', '/dev/null/x'],
      ['absolute', '/x'],
    ]);
  });

  it('counts from where a linked descriptor is named', async () => {
    await using directory = await writeFiles({ 'real/image.yaml': image('[{path: x}]'), 'link/x': '' });
    await symlink('../real/image.yaml', join(directory.path, 'link/image.yaml'));
    const { description } = await resolvedIn(directory.path, { descriptor: 'link/image.yaml' });
    expect(description.target.image.artifacts).toMatchObject([{ path: join(directory.path, 'link/x') }]);
  });
});
