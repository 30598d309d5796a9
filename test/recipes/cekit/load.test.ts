import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CekitOptions, loadCekitPlan } from '../../../src/recipes/cekit/index.ts';
import { runProgram } from '../../../src/support/process.ts';
import { optionsIn, writeFiles } from './load.ts';
import { resolved, resolvedIn } from './resolved.ts';

const image = "{name: i, version: '1', from: f}";

async function namesOf(files: Readonly<Record<string, string>>, more: Partial<CekitOptions>) {
  const { name, version } = (await resolved(files, more)).description.target;
  return [name, version].map(({ text }) => text).join(' ');
}

describe('a descriptor', () => {
  it('is the file that is named, or what comes on stdin', async () => {
    const files = { 'sub/other.yml': image };
    expect(await namesOf(files, { descriptor: 'sub/other.yml' })).toBe('i 1');
    expect(await namesOf({}, { descriptor: '-', readStdin: async () => image })).toBe('i 1');
    await expect(
      resolved({}, { descriptor: '-', readStdin: async () => 'name: i\nversion: 1\nfoo: 1\n' }),
    ).rejects.toThrow('Cannot validate schema: Image');
  });

  it('must be there', async () => {
    for (const descriptor of ['image.yaml', 'no/such.yaml', './f/image.yaml']) {
      await expect(resolved({ f: '' }, { descriptor })).rejects.toThrow(
        `Descriptor ('${descriptor}') could not be found on the path, please check your arguments!`,
      );
    }
  });

  it('must be a file with text of some size', async () => {
    await using directory = await writeFiles({ 'huge.yaml': `${image}\n#${' '.repeat(16 * 1024 * 1024)}` });
    await mkdir(join(directory.path, 'image.yaml'));
    await expect(resolvedIn(directory.path)).rejects.toThrow(/image.yaml is not a file$/);
    await expect(resolvedIn(directory.path, { descriptor: 'huge.yaml' })).rejects.toThrow(
      /huge.yaml is larger than 16777216 bytes$/,
    );
  });
});

describe('overrides', () => {
  const overriding = (...overrides: CekitOptions['overrides']) =>
    namesOf(
      { 'image.yaml': image, 'a.yaml': '{name: a, version: 2}', 'b.yaml': '{version: 3}' },
      { overrides },
    );

  it('are text, files and addresses, of which the last wins', async () => {
    expect(await overriding({ kind: 'text-or-path', value: '{version: 9}' })).toBe('i 9');
    expect(
      await overriding({ kind: 'text-or-path', value: 'a.yaml' }, { kind: 'path', value: 'b.yaml' }),
    ).toBe('a 3');
    expect(
      await overriding({ kind: 'path', value: 'b.yaml' }, { kind: 'text-or-path', value: 'a.yaml' }),
    ).toBe('a 2');
    await using directory = await writeFiles({ 'image.yaml': image, 'o v.yaml': '{version: 7}' });
    const { description } = await resolvedIn(directory.path, {
      overrides: [
        { kind: 'path', value: 'https://h/o.yaml' },
        { kind: 'text-or-path', value: `file://${directory.path}/o%20v.yaml` },
      ],
      fetchText: async url => `{name: '${url}', version: 6}`,
    });
    const { name, version } = description.target;
    expect([name.text, version.text]).toEqual(['https://h/o.yaml', '7']);
  });

  it('may come out of a pipe', async () => {
    await using directory = await writeFiles({ 'image.yaml': image });
    const pipe = join(directory.path, 'pipe');
    await runProgram('mkfifo', [pipe]);
    const [{ description }] = await Promise.all([
      resolvedIn(directory.path, { overrides: [{ kind: 'path', value: 'pipe' }] }),
      writeFile(pipe, '{name: piped}'),
    ]);
    expect(description.target.name.text).toBe('piped');
  });

  it('must be there and readable', async () => {
    await expect(overriding({ kind: 'text-or-path', value: 'nonexisting.yaml' })).rejects.toThrow(
      "Descriptor ('nonexisting.yaml') could not be found on the path, please check your arguments!",
    );
    await expect(overriding({ kind: 'path', value: '{name: x}' })).rejects.toThrow(
      "Descriptor ('{name: x}') could not be found on the path, please check your arguments!",
    );
    await expect(overriding({ kind: 'text-or-path', value: '{name: [' })).rejects.toThrow(
      'Cannot load descriptor',
    );
    await expect(overriding({ kind: 'path', value: 'file://other/x' })).rejects.toThrow(
      'not the address of a file of this machine: file://other/x',
    );
  });
});

it('the same is said once, though all images have it', async () => {
  const stage = (name: string) => ({
    name,
    version: '1',
    from: 'f',
    modules: { repositories: [{ path: 'm' }], install: [{ name: 'a', version: '1' }] },
  });
  const { warnings, infos } = await resolved({
    'image.yaml': JSON.stringify([stage('x'), stage('y')]),
    'm/a/module.yaml': '{name: a, version: 1, modules: {install: [{name: b}]}}',
    'm/b/module.yaml': '{name: b, version: 1}',
    'm/c/module.yaml': '{name: b, version: 2}',
  });
  expect(warnings).toEqual([
    "m/a/module.yaml:1: Module version not specified for 'b' module, using '2' default version",
  ]);
  expect(infos).toHaveLength(1);
});

it('what a descriptor says comes out as data, without places', async () => {
  const { description, cwd } = await resolved({
    'image.yaml': `{name: i, version: 1.10, from: f, schema_version: 1, description: d,
      envs: [{name: E, value: 1, more: {x: [1]}}], ports: [{value: 80}], run: {cmd: [a], user: '1'},
      labels: [{name: l, value: v}], volumes: [{path: /v}], packages: {install: [p], repositories: [{name: r, rpm: x}]},
      artifacts: [{path: x, sha1: '${'0'.repeat(40)}'}, {image: b, path: /y}, {git: {url: u, ref: r}}],
      modules: {repositories: [{path: m}], install: [{name: a}]}, help: {add: true}}`,
    'm/a/module.yaml': '{name: a, version: 1, modules: {install: [{name: b}]}}',
    'm/b/module.yaml': '{name: b, version: 2}',
  });
  const dest = '/tmp/artifacts/';
  expect(description.target.effective).toEqual({
    schema_version: 1,
    name: 'i',
    version: '1.1',
    from: 'f',
    description: 'd',
    args: [],
    envs: [{ name: 'E', value: '1', more: { x: [1] } }],
    labels: [{ name: 'l', value: 'v' }],
    ports: [{ value: 80, expose: true }],
    volumes: [{ path: '/v', name: 'v' }],
    artifacts: [
      { name: 'x', target: 'x', dest, path: `${cwd}/x`, sha1: '0'.repeat(40) },
      { name: 'y', target: 'y', dest, image: 'b', path: '/y' },
      { name: 'u', target: 'u', dest, git: { url: 'u', ref: 'r' } },
    ],
    modules: {
      repositories: [{ name: 'm', target: 'm', path: `${cwd}/m` }],
      install: [
        { name: 'b', version: '2' },
        { name: 'a', version: '1' },
      ],
    },
    packages: {
      manager: 'yum',
      install: ['p'],
      remove: [],
      reinstall: [],
      repositories: [{ name: 'r', rpm: 'x' }],
    },
    run: { cmd: ['a'], user: '1' },
    osbs: { configuration: {}, extra_dir: `${cwd}/osbs_extra` },
    help: { add: true },
  });
});

it('a plan is made of what is described', async () => {
  await using directory = await writeFiles({ 'image.yaml': "{name: i, version: '1', from: scratch}" });
  const { plan, description } = await loadCekitPlan(optionsIn(directory.path));
  expect(plan.images.map(({ tags }) => tags)).toEqual([['i:1', 'i:latest']]);
  expect(description.target.from.text).toBe('scratch');
});
