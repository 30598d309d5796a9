import { describe, expect, it } from 'vitest';
import type { CekitOptions } from '../../../../src/recipes/cekit/index.ts';
import { resolved } from '../resolved.ts';

type Files = Readonly<Record<string, string>>;

async function described(text: string, more: Partial<CekitOptions> = {}, files: Files = {}) {
  return (await resolved({ 'image.yaml': text, ...files }, more)).description;
}

async function targetOf(...parameters: Parameters<typeof described>) {
  return (await described(...parameters)).target;
}

describe('what an image is made from', () => {
  it('must be said', async () => {
    await expect(described("name: t/img\nversion: '1'\n")).rejects.toMatchObject({
      message: "image 't/img' does not say what it is made from",
      at: { line: 1, column: 1 },
    });
    await expect(described("name: i\nversion: '1'\nfrom: ''\n")).rejects.toMatchObject({
      at: { line: 3, column: 7 },
    });
    const overrides = [{ kind: 'text-or-path', value: '{from: b}' }] as const;
    const overridden = await targetOf("name: i\nversion: '1'\n", { overrides });
    expect(overridden.from).toMatchObject({ text: 'b', at: { file: '--overrides' } });
  });

  it('follows the labels of an image with --redhat', async () => {
    const labels = { version: '8.2', release: '1054' };
    const followed = async (reference: string) => {
      const asked: string[] = [];
      const readLabels = async (reference: string) => {
        asked.push(reference);
        return labels;
      };
      const text = JSON.stringify({ name: 'i', version: '1', from: 'x', follow_tag: reference });
      const { from } = await targetOf(text, { redhat: true, readLabels });
      return { asked, from: from.text };
    };
    expect(await followed('ubi8')).toEqual({ asked: ['ubi8'], from: 'ubi8:8.2-1054' });
    expect((await followed('h:5000/ubi8/x:latest')).from).toBe('h:5000/ubi8/x:8.2-1054');
    expect((await followed('h:5000/ubi8')).from).toBe('h:5000/ubi8:8.2-1054');
    expect((await followed(`h/ubi8:8@sha256:${'0'.repeat(64)}`)).from).toBe('h/ubi8:8.2-1054');
  });

  it('follows nothing without --redhat, and no image without these labels', async () => {
    const text = "name: i\nversion: '1'\nfollow_tag: ubi8\n";
    await expect(described(text)).rejects.toMatchObject({
      message: 'follow_tag annotation only supported with redhat flag',
      at: { line: 3, column: 13 },
    });
    const readLabels = async () => ({ version: '1' });
    await expect(described(text, { redhat: true, readLabels })).rejects.toMatchObject({
      message: "ubi8 has no label 'release' to follow",
      at: { line: 3, column: 13 },
    });
  });
});

it('--redhat adds the names of the target to all images, over what overrides say', async () => {
  const text = JSON.stringify([
    { name: 'b', version: '9', from: 'f' },
    { name: 't/img', version: '1.0', from: 'f', labels: [{ name: 'name', value: 'mine' }] },
  ]);
  const value =
    '{name: new, labels: [{name: version, value: OV}], envs: [{name: JBOSS_IMAGE_NAME, value: OV}]}';
  const { builders, target } = await described(text, {
    redhat: true,
    overrides: [{ kind: 'text-or-path', value }],
  });
  for (const { image } of [...builders, target]) {
    expect(image.labels.map(({ name, value }) => [name.text, value.text]).toSorted()).toEqual([
      ['name', 'new'],
      ['version', '1.0'],
    ]);
    expect(image.envs.map(({ name, value }) => [name.text, value?.text])).toEqual([
      ['JBOSS_IMAGE_NAME', 'new'],
      ['JBOSS_IMAGE_VERSION', '1.0'],
    ]);
  }
});

describe('stages', () => {
  const stage = (name: string, from: string, more = '') =>
    `{name: ${name}, version: '1', from: ${from}${more}}`;

  it('are builders but for the last', async () => {
    const { builders, target } = await described(
      `[${stage('a', 'f')}, ${stage('b/c', 'a')}, ${stage('t', 'b/c')}]`,
    );
    expect([...builders, target].map(({ name, from }) => [name.text, from.text])).toEqual([
      ['a', 'f'],
      ['b/c', 'a'],
      ['t', 'b/c'],
    ]);
    expect(await described(`[${stage('t', 'f')}]`)).toMatchObject({
      builders: [],
      target: { name: { text: 't' } },
    });
  });

  it('have different names, of which the target may have any', async () => {
    await expect(
      described(`[${stage('a', 'f')},\n${stage('a', 'g')},\n${stage('t', 'a')}]`),
    ).rejects.toMatchObject({
      message: "there are two builder images 'a'",
      at: { line: 2, column: 8 },
    });
    const { target } = await described(`[${stage('a', 'f')}, ${stage('a', 'a')}]`);
    expect(target.from.text).toBe('a');
  });

  it('need only what is before them', async () => {
    const copy = (image: string) => `, artifacts: [{image: ${image}, path: /x}]`;
    await expect(
      described(`[${stage('a', 'b')},\n${stage('b', 'f')},\n${stage('t', 'a')}]`),
    ).rejects.toMatchObject({
      message: "the image 'b' is not built yet here",
      at: { line: 1, column: 32 },
    });
    await expect(
      described(`[${stage('a', 'f', copy('b'))},\n${stage('b', 'f')},\n${stage('t', 'a')}]`),
    ).rejects.toThrow("the image 'b' is not built yet here");
    await expect(described(`[${stage('a', 'f', copy('a'))},\n${stage('t', 'a')}]`)).rejects.toThrow(
      "the image 'a' is not built yet here",
    );
    // An image of its own name, or of that of the target, is one of a registry.
    await described(`[${stage('a', 'a')}, ${stage('t', 't', `${copy('a')}`)}]`);
    await described(`[${stage('a', 't', copy('t'))}, ${stage('t', 'f', copy('t'))}]`);
  });
});

describe('an image made from scratch', () => {
  const modules = 'modules: {repositories: [{path: modules}], install: [{name: m}]}';
  const files = {
    'modules/m/s.sh': '',
    'modules/m/module.yaml': '{name: m, version: 1,\nexecute: [{script: s.sh}]}',
  };

  it('runs no scripts', async () => {
    await expect(
      described(`{name: i, version: '1', from: scratch, ${modules}}`, {}, files),
    ).rejects.toMatchObject({
      message: "module 'm' cannot run 's.sh' in an image made from scratch",
      at: { file: expect.stringMatching(/modules\/m\/module.yaml$/), line: 2, column: 20 },
    });
  });

  it.each(['install', 'remove', 'reinstall'])('can %s no packages', async action => {
    const text = `{name: i, version: '1', from: scratch,\npackages: {${action}: [p]}}`;
    await expect(described(text)).rejects.toMatchObject({
      message: "'p' cannot be a package of an image made from scratch",
      at: { line: 2 },
    });
  });

  it('may have modules that only add', async () => {
    const module = "{name: m, version: 1, envs: [{name: A, value: '1'}], artifacts: [{path: x, dest: /}]}";
    const target = await targetOf(
      `{name: i, version: '1', from: scratch, ${modules}}`,
      {},
      {
        'modules/m/module.yaml': module,
      },
    );
    expect(target.modules).toMatchObject([{ name: 'm', execute: [] }]);
  });

  it('is not meant where a stage is called scratch', async () => {
    const text = `[{name: scratch, version: '1', from: f}, {name: i, version: '1', from: scratch, packages: {install: [p]}, ${modules}}]`;
    expect((await targetOf(text, {}, files)).from.text).toBe('scratch');
  });
});

describe('scripts', () => {
  const image =
    "{name: i, version: '1', from: f, modules: {repositories: [{path: m}], install: [{name: a/b.c}]}}";

  it('run as root unless they say otherwise, in their order', async () => {
    const { modules } = await targetOf(
      image,
      {},
      {
        'm/x/module.yaml':
          "{name: a/b.c, version: 1, execute: [{script: s.sh}, {script: sub/t.sh, user: '185', name: n}]}",
        'm/x/s.sh': '',
        'm/x/sub/t.sh': '',
      },
    );
    expect(modules).toMatchObject([
      {
        name: 'a/b.c',
        directory: expect.stringMatching(/\/m\/x$/),
        execute: [
          { script: { text: 's.sh' }, user: { text: 'root' } },
          { script: { text: 'sub/t.sh' }, user: { text: '185' } },
        ],
      },
    ]);
  });

  it.each(['..', 'a/../..', '/etc', '', '.'])('need a directory of their own: %j', async name => {
    const named = image.replace('a/b.c', JSON.stringify(name));
    const module = `{name: ${JSON.stringify(name)}, version: 1, execute: [{script: s.sh}]}`;
    await expect(described(named, {}, { 'm/module.yaml': module, 'm/s.sh': '' })).rejects.toMatchObject({
      message: `module '${name}' cannot have a directory in /tmp/scripts`,
      at: { line: 1, column: 8 },
    });
  });

  it.each(['nix.sh', 'sub'])('are files that are there: %s', async script => {
    const files = {
      'm/x/module.yaml': `{name: a/b.c, version: 1, execute: [{script: ${script}}]}`,
      'm/x/sub/t.sh': '',
    };
    await expect(described(image, {}, files)).rejects.toMatchObject({
      message: `module 'a/b.c' has no script '${script}'`,
      at: { file: expect.stringMatching(/m\/x\/module.yaml$/), line: 1, column: 46 },
    });
  });
});

it.each(['', 'A B', 'A\nRUN evil', 'A=B'])('no build argument is called %j', async name => {
  const text = `{name: i, version: 1, from: f, args: [{name: ${JSON.stringify(name)}}]}`;
  await expect(targetOf(text)).rejects.toMatchObject({
    message: `'${name}' cannot be the name of a build argument: it has a space or = in it or is empty`,
    at: { line: 1, column: 46 },
  });
});

it('a section holds what image or module say, with defaults filled in', async () => {
  const text = `
name: i
version: 1.10
from: f
description: d
args: [{name: A, value: v, example: e, description: d}, {name: B}, {name: C, value: ~}, {name: D, value: ''}]
envs: [{name: E, value: 0, anything: goes}, {name: F, value: false}, {name: G, value: ''}, {name: H, value: ~}, {name: I, example: 1}]
labels: [{name: L, value: l, description: d}, {name: L, value: m}]
ports: [{value: 53, protocol: UDP, service: dns, description: d}, {value: 9, expose: false}]
volumes: [{path: /a b/c}, {path: /v, name: n}]
`;
  const { image, args, version, description } = await targetOf(text);
  expect([version.text, description?.text]).toEqual(['1.1', 'd']);
  expect(args).toBe(image.args);
  expect(args.map(({ name, value, ...rest }) => [name.text, value?.text, rest])).toEqual([
    ['A', 'v', { example: 'e', description: 'd' }],
    ['B', undefined, {}],
    ['C', undefined, {}],
    ['D', '', {}],
  ]);
  expect(image.envs.map(({ name, value, example }) => [name.text, value?.text, example])).toEqual([
    ['E', '0', undefined],
    ['F', 'False', undefined],
    ['G', '', undefined],
    ['H', undefined, undefined],
    ['I', undefined, '1'],
  ]);
  expect(image.labels.map(({ name, value, description }) => [name.text, value.text, description])).toEqual([
    ['L', 'l', 'd'],
    ['L', 'm', undefined],
  ]);
  expect(image.ports.map(({ at, ...port }) => port)).toEqual([
    { value: 53, protocol: 'udp', service: 'dns', expose: true, description: 'd' },
    { value: 9, expose: false },
  ]);
  expect(image.volumes.map(({ path, name }) => [path.text, name])).toEqual([
    ['/a b/c', 'c'],
    ['/v', 'n'],
  ]);
});
