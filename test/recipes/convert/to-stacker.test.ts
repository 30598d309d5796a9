import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planDescription } from '../../../src/recipes/cekit/index.ts';
import { planToStacker } from '../../../src/recipes/convert/index.ts';
import type { BaseConfig } from '../../../src/recipes/dockerfile/index.ts';
import { describeImages, optionsIn, writeFiles } from '../cekit/load.ts';

const base: BaseConfig = { environment: ['PATH=/bin', 'HAS=it'], workingDir: '', user: '' };

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly readBase?: (url: string) => Promise<BaseConfig | undefined>;
  readonly buildArguments?: readonly string[];
  readonly fleeting?: string;
}

/** What becomes of a descriptor: layers by name, notes with their lines, and copies. */
async function convert(descriptor: string, given: Given = {}) {
  const { files = {}, readBase = async () => base, buildArguments = [], fleeting } = given;
  await using directory = await writeFiles({ 'image.yaml': descriptor, ...files });
  const options = optionsIn(directory.path, { buildArguments });
  const plan = await planDescription(await describeImages(options), options);
  const converted = await planToStacker(plan, {
    descriptor: 'image.yaml',
    output: join(directory.path, 'stacker.yaml'),
    fleeting: path => fleeting !== undefined && path.startsWith(join(directory.path, fleeting)),
    readBase,
  });
  return {
    text: converted.text,
    layers: parse(converted.text, { version: '1.1' }) as Record<string, Record<string, unknown>>,
    notes: converted.notes.map(({ text, at }) => `${at.line}: ${text}`),
    copies: converted.copies.map(({ source, path }) => [source.slice(directory.path.length + 1), path]),
  };
}

/** What sections make of the one layer of an image. */
async function layerOf(sections: string, given: Given & { readonly from?: string } = {}) {
  const { from = 'base:1' } = given;
  const { layers } = await convert(`name: app\nversion: 1\nfrom: ${from}\n${sections}`, given);
  return layers.app;
}

const hash = 'a'.repeat(64);

describe('the base', () => {
  it.each([
    ['scratch', { type: 'scratch' }],
    ['fedora:40', { type: 'docker', url: 'docker://docker.io/library/fedora:40' }],
    ['localhost:5000/a:1', { type: 'docker', url: 'docker://localhost:5000/a:1', insecure: true }],
    ['oci:/some/layout:tag', { type: 'docker', url: 'oci:/some/layout:tag' }],
  ])('%s', async (from, expected) => {
    expect((await layerOf('', { from }))?.from).toEqual(expected);
  });

  it('may be an earlier stage, which is not handed out', async () => {
    const { layers } = await convert(
      '[{name: a/b, version: 1, from: x}, {name: config, version: 1, from: a/b, envs: [{name: N, value: $HAS}]}]',
    );
    expect(layers['a-b']).toMatchObject({ build_only: true });
    expect(layers['config-2']).toMatchObject({
      from: { type: 'built', tag: 'a-b' },
      environment: { N: 'it' },
    });
    expect(layers['config-2']).not.toHaveProperty('build_only');
  });
});

it('tells of outputs, which a stacker file has, too', async () => {
  const { notes } = await convert('name: app\nversion: 1\nfrom: scratch\noutputs: [oci, tar]');
  expect(notes).toEqual(['1: the outputs are left out: add them by hand']);
});

describe('artifacts', () => {
  it.each([
    ['{path: f, dest: /d}', { path: 'f', dest: '/d/f' }],
    ['{path: f, dest: /d, target: t}', { path: 'f', dest: '/d/t' }],
    ['{path: dir, dest: /d}', { path: 'dir/', dest: '/d' }],
    [
      '{path: f, dest: /, mode: "0750", uid: 1, gid: 2}',
      { path: 'f', dest: '/f', mode: 0o750, uid: 1, gid: 2 },
    ],
    [`{path: f, dest: /, sha256: ${hash}}`, { path: 'f', dest: '/f', hash }],
    [
      `{url: "https://h/x/y.jar", dest: /, md5: ${'b'.repeat(32)}, sha256: ${hash}}`,
      { path: 'https://h/x/y.jar', dest: '/y.jar', hash },
    ],
    ['{path: f}', { path: 'f', dest: '/tmp/artifacts/f' }],
  ])('%s', async (artifact, expected) => {
    const files = { f: '', 'dir/x': '' };
    const layer = await layerOf(`artifacts: [${artifact}]`, { from: 'scratch', files });
    expect(layer?.imports).toEqual([expected]);
  });

  it('come out of other images, those by reference as layers of their own', async () => {
    const { layers } = await convert(
      'name: app\nversion: 1\nfrom: scratch\nartifacts:\n' +
        '  - {image: "tools:1", path: /bin/x, dest: /bin}\n  - {image: "tools:1", path: out, target: ., dest: /}\n',
    );
    expect(layers['tools-1']).toEqual({
      build_only: true,
      from: { type: 'docker', url: 'docker://docker.io/library/tools:1' },
    });
    expect(layers.app?.imports).toEqual([
      { path: 'stacker://tools-1/bin/x', dest: '/bin/x' },
      { path: 'stacker://tools-1/out/', dest: '/' },
    ]);
  });

  it('are left out where the image does not keep them and nothing runs', async () => {
    const layer = await layerOf('artifacts: [{path: f}]', { files: { f: '' } });
    expect(layer).not.toHaveProperty('imports');
    expect(layer).not.toHaveProperty('run');
  });

  it('are copied where they would soon be gone', async () => {
    const { layers, copies } = await convert(
      'name: app\nversion: 1\nfrom: scratch\nartifacts: [{path: gone/d, dest: /d}, {path: gone/f, dest: /}]',
      { files: { 'gone/d/x': '', 'gone/f': '' }, fleeting: 'gone' },
    );
    expect(copies).toEqual([
      ['gone/f', 'stacker-files/1-f'],
      ['gone/d', 'stacker-files/2-d'],
    ]);
    expect(layers.app?.imports).toEqual([
      { path: 'stacker-files/1-f', dest: '/f' },
      { path: 'stacker-files/2-d/', dest: '/d' },
    ]);
  });
});

describe('values', () => {
  it.each([
    ['$HAS-"x"', 'it-x'],
    ['\\$HAS', '$HAS'],
    ['${NO:-none}${HAS:+yes}${NO+no}', 'noneyes'],
    ['$NO', ''],
  ])('are evaluated as in Dockerfiles: %s', async (value, expected) => {
    const layer = await layerOf(`envs: [{name: N, value: '${value}'}]`);
    expect(layer?.environment).toEqual({ N: expected });
  });

  it('may be given when building where they are build arguments', async () => {
    const { text } = await convert(
      "name: app\nversion: 1\nfrom: x\nargs: [{name: A, value: one}, {name: B, value: it's}]\n" +
        'labels: [{name: l, value: "$A $B"}]\n',
    );
    expect(text).toContain("    l: |-\n      ${{A:one}} it's\n");
  });

  it('of build arguments may be given when converting', async () => {
    const { text } = await convert(
      'name: app\nversion: 1\nfrom: x\nargs: [{name: A, value: one}]\nlabels: [{name: l, value: $A}]\n',
      { buildArguments: ['A=two'] },
    );
    expect(text).toContain('${{A:two}}');
  });
});

describe('scripts', () => {
  const module = (more = '') => ({
    'modules/m/module.yaml': `name: m\nversion: 1\nexecute: [{script: go.sh${more}}]\nartifacts: [{name: f, path: go.sh}]\n`,
    'modules/m/go.sh': '',
  });
  const install = 'modules: {repositories: [{path: modules}], install: [{name: m}]}';

  it('find their module and artifacts, of which nothing stays', async () => {
    const { layers } = await convert(`name: app\nversion: 1\nfrom: x\n${install}`, { files: module() });
    expect(Object.keys(layers)).toEqual(['app-files', 'app']);
    expect(layers['app-files']?.imports).toEqual([
      { path: 'modules/m/go.sh', dest: '/1/tmp/artifacts/f' },
      { path: 'modules/m/', dest: '/1/tmp/scripts/m' },
    ]);
    expect(layers.app?.imports).toEqual([{ path: 'stacker://app-files/1' }]);
    expect(layers.app?.build_env).toEqual({ PATH: '/bin', HAS: 'it' });
    expect(String(layers.app?.run).split('\n')).toEqual([
      'export HOME=~root',
      "/bin/sh -c 'mkdir -p /tmp/artifacts && cp -a /stacker/imports/1/tmp/artifacts/f /tmp/artifacts/ && " +
        "mkdir -p /tmp/scripts && cp -a /stacker/imports/1/tmp/scripts/m /tmp/scripts/'",
      '(exec sh -x /tmp/scripts/m/go.sh)',
      '(exec rm -rf /tmp/scripts /tmp/artifacts)',
      '',
    ]);
  });

  it('stay in stages, as artifacts do', async () => {
    const { layers } = await convert(
      `[{name: b, version: 1, from: x, ${install}}, {name: app, version: 1, from: scratch}]`,
      { files: module() },
    );
    expect(layers.b?.imports).toEqual([
      { path: 'modules/m/go.sh', dest: '/tmp/artifacts/f' },
      { path: 'modules/m/', dest: '/tmp/scripts/m' },
    ]);
    expect(layers.b?.run).not.toContain('rm -rf');
  });

  it('run as their user', async () => {
    const layer = await layerOf(install, { files: module(', user: "1001:0"') });
    expect(layer?.run).toContain('chroot --userspec=1001:0 --skip-chdir / sh -x /tmp/scripts/m/go.sh\n');
    expect(layer?.runtime_user).toBe('root');
  });

  it('are followed by a layer of what is copied later', async () => {
    const { layers } = await convert(
      `name: app\nversion: 1\nfrom: x\n${install}\nartifacts: [{name: g, path: g, dest: /}]`,
      { files: { ...module(), g: '' } },
    );
    expect(layers['app-1']?.run).toContain('(exec rm -rf /tmp/scripts /tmp/artifacts)\n');
    expect(layers.app).toMatchObject({
      from: { type: 'built', tag: 'app-1' },
      imports: [{ path: 'g', dest: '/g' }],
    });
  });
});

it('says packages as commands, and the config in its own words', async () => {
  const layer = await layerOf(
    'packages: {manager: apk, install: [a]}\nlabels: [{name: l, value: v}]\nvolumes: [{path: /v}]\n' +
      'run: {user: 185, workdir: /w, entrypoint: [e], cmd: [c, "$X"]}\n'.replace('185', '"185"'),
  );
  expect(layer?.run).toContain('add a');
  expect(layer).toMatchObject({
    labels: { l: 'v', 'io.cekit.version': '0.0.0' },
    volumes: ['/v'],
    runtime_user: '185',
    working_dir: '/w',
    entrypoint: ['e'],
    cmd: ['c', '$X'],
  });
});

describe('a note tells of', () => {
  it.each([
    [
      'ports: [{value: 80}, {value: 53, protocol: udp}]',
      '4: EXPOSE 80/tcp 53/udp has no place in a stacker file',
    ],
    [
      `artifacts: [{name: n, path: image.yaml, dest: /, md5: ${'b'.repeat(32)}}]`,
      '4: a stacker file has no md5: image.yaml is not checked',
    ],
    [
      `artifacts: [{name: n, sha256: ${hash}, dest: /}]`,
      '4: n is known only by its checksums, which a stacker file has no place for: it is left out',
    ],
    ['run: {workdir: /none}', '1: /none is not made: nothing is copied there, and nothing runs'],
  ])('%s', async (sections, note) => {
    const { notes, text } = await convert(`name: app\nversion: 1\nfrom: x\n${sections}`);
    expect(notes).toEqual([note]);
    expect(text).toContain(`# image.yaml:${note}`);
  });

  it('what a base that cannot be asked would say', async () => {
    const { notes, layers } = await convert(
      'name: app\nversion: 1\nfrom: x:1\nenvs: [{name: N, value: "$HAS.$PATH"}]',
      { readBase: async () => undefined },
    );
    expect(notes).toEqual([
      '3: the environment of docker://docker.io/library/x:1 is not known here',
      '4: $HAS is taken for empty: nothing is known of it here',
    ]);
    expect(layers.app?.environment).toEqual({
      N: './usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    });
  });

  it('directories that take in what is built', async () => {
    const { notes } = await convert(
      'name: app\nversion: 1\nfrom: scratch\nartifacts: [{name: n, path: ., dest: /d}]',
    );
    expect(notes).toEqual([expect.stringMatching(/^4: .* takes in what is built in it$/)]);
  });
});
