import { symlinkSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planToCekit } from '../../../src/recipes/convert/index.ts';
import type { BaseConfig } from '../../../src/recipes/dockerfile/index.ts';
import { loadStackerPlan } from '../../../src/recipes/stacker/index.ts';
import { writeFiles } from '../cekit/load.ts';
import { testOptions } from '../stacker/load.ts';

const base: BaseConfig = { environment: [], workingDir: '', user: '', cmd: ['/bin/sh'] };
const files = { f: '', 'dir/sub/x': '' };

type Item = Readonly<Record<string, unknown>>;

/** What becomes of a stacker file: parsed descriptors and other files by name, and notes with their lines. */
async function convert(
  stackerFile: string,
  {
    readBase = async (): Promise<BaseConfig | undefined> => base,
    prepare = async (_path: string) => {},
  } = {},
) {
  await using directory = await writeFiles({ 'stacker.yaml': stackerFile, ...files });
  await prepare(directory.path);
  const options = testOptions({ cwd: directory.path });
  const { plan } = await loadStackerPlan(options);
  const converted = await planToCekit(plan, {
    stackerFile: 'stacker.yaml',
    output: join(directory.path, 'image.yaml'),
    annotationsNamespace: 'io.stackeroci',
    platform: options.hostPlatform,
    readBase,
  });
  const texts = converted.files.map(
    ({ path, content }) => [path.slice(directory.path.length + 1), content] as const,
  );
  const items = texts
    .filter(([path]) => !path.includes('/'))
    .map(([path, text]) => [path, [parse(text, { version: '1.1' })].flat() as Item[]] as const);
  return {
    files: Object.fromEntries(texts),
    descriptors: Object.fromEntries(items),
    notes: converted.notes.map(({ text, at }) => `${at.line}: ${text.replaceAll(directory.path, '')}`),
  };
}

/** The items of the descriptor of one layer. */
async function itemsOf(directives: string, from = '{type: scratch}') {
  const { descriptors } = await convert(`app:\n  from: ${from}\n${directives.replaceAll(/^/gm, '  ')}\n`);
  return descriptors['image.yaml'] ?? [];
}

const onBase = '{type: docker, url: "docker://base:1"}';

describe('from', () => {
  it.each([
    ['{type: scratch}', 'scratch'],
    [onBase, 'base:1'],
    ['{type: oci, url: "/some/layout:tag"}', 'oci:/some/layout:tag'],
  ])('%s', async (from, expected) => {
    expect(await itemsOf('', from)).toMatchObject([{ name: 'app', version: '1.0', from: expected }]);
  });

  it('a layer has that as a stage before, and what it would hand on', async () => {
    const { descriptors } = await convert(
      `below: {build_only: true, from: ${onBase}, cmd: [c], working_dir: /w, environment: {A: b}}\n` +
        'other: {build_only: true, from: {type: scratch}}\n' +
        'app: {from: {type: built, tag: below}, entrypoint: [e]}\n',
    );
    expect(descriptors['image.yaml']).toEqual([
      { name: 'below', version: '1.0', from: 'base:1', envs: [{ name: 'A', value: 'b' }] },
      {
        name: 'app',
        version: '1.0',
        from: 'below',
        run: { user: '0', workdir: '/w', entrypoint: ['e'], cmd: ['c'] },
      },
    ]);
  });

  it('is an image even where a stage has its name', async () => {
    const { descriptors } = await convert(
      'tools: {build_only: true, from: {type: docker, url: "docker://tools"}}\n' +
        'app: {from: {type: docker, url: "docker://tools"}, imports: [{path: "stacker://tools/x", dest: /}]}\n',
    );
    expect(descriptors['image.yaml']?.map(({ from }) => from)).toEqual(['tools:latest', 'tools:latest']);
  });

  it('keeps user and command of a base', async () => {
    const readBase = async () => ({ ...base, user: '185' });
    const { descriptors } = await convert(`app: {from: ${onBase}, entrypoint: [e]}\n`, { readBase });
    expect(descriptors['image.yaml']).toMatchObject([
      { run: { user: '185', entrypoint: ['e'], cmd: ['/bin/sh'] } },
    ]);
  });
});

it('makes a descriptor of each layer that is handed out', async () => {
  const { descriptors } = await convert(
    'a: {from: {type: scratch}}\nb: {from: {type: built, tag: a}}\nc: {from: {type: scratch}, build_only: true}\n',
  );
  const names = Object.entries(descriptors).map(([path, items]) => [path, items.map(({ name }) => name)]);
  expect(names).toEqual([
    ['image-a.yaml', ['a']],
    ['image-b.yaml', ['a', 'b']],
  ]);
});

it('needs a layer that is handed out', async () => {
  await expect(convert('a: {from: {type: scratch}, build_only: true}\n')).rejects.toThrow(
    'no layer is handed out, all of them are build_only',
  );
});

describe('imports with dest', () => {
  const hash = 'a'.repeat(64);

  it.each([
    ['{path: f, dest: /d/}', { path: 'f', target: 'f', dest: '/d/' }],
    ['{path: f, dest: /d/g}', { path: 'f', target: 'g', dest: '/d/' }],
    ['{path: f, dest: /}', { path: 'f', target: 'f', dest: '/' }],
    ['{path: dir, dest: /d}', { path: 'dir', dest: '/d/' }],
    ['{path: dir/, dest: /}', { path: 'dir', dest: '/' }],
    ['{path: none, dest: "/a$b/c"}', { path: 'none', target: 'c', dest: '/a\\$b/' }],
    [
      `{path: "https://h/x", dest: /d/y, hash: ${hash}}`,
      { url: 'https://h/x', target: 'y', dest: '/d/', sha256: hash },
    ],
    [
      '{path: f, dest: /d/, mode: 0640, uid: 1}',
      { path: 'f', target: 'f', dest: '/d/', mode: '0640', uid: 1 },
    ],
  ])('%s', async (entry, expected) => {
    const [item] = await itemsOf(`imports: [${entry}]`);
    expect(item?.artifacts).toEqual([{ name: expect.stringContaining('app-1-'), ...expected }]);
  });

  it('may come out of other layers', async () => {
    const { descriptors } = await convert(
      'a: {build_only: true, from: {type: scratch}}\napp:\n  from: {type: scratch}\n  imports:\n' +
        '    - {path: "stacker://a/x/y", dest: /d/}\n    - {path: "stacker://a/x/", dest: /e/f}\n',
    );
    expect(descriptors['image.yaml']?.[1]?.artifacts).toEqual([
      { name: 'app-1-y', image: 'a', path: '/x/y', target: 'y', dest: '/d/' },
      { name: 'app-2-f', image: 'a', path: '/x', target: 'f', dest: '/e/' },
    ]);
  });

  it('keep their order where one may change the other, by modules', async () => {
    const { files, descriptors } = await convert(
      'app: {from: {type: scratch}, imports: [{path: f, dest: /d/x}, {path: f, dest: /e}, {path: dir, dest: /d}]}\n',
    );
    expect(Object.keys(files)).toEqual(['cekit-modules/app-files-1/module.yaml', 'image.yaml']);
    expect(parse(files['cekit-modules/app-files-1/module.yaml'] ?? '')).toEqual({
      name: 'app-files-1',
      version: '1.0',
      artifacts: [
        { name: 'app-1-x', path: '../../../../f', target: 'x', dest: '/d/' },
        { name: 'app-2-e', path: '../../../../f', target: 'e', dest: '/' },
      ],
    });
    expect(descriptors['image.yaml']).toMatchObject([
      {
        artifacts: [{ path: 'dir', dest: '/d/' }],
        modules: {
          repositories: [{ name: 'cekit-modules', path: 'cekit-modules' }],
          install: [{ name: 'app-files-1' }],
        },
      },
    ]);
  });
});

it('tells of outputs, which a descriptor has, too', async () => {
  const { notes } = await convert('app: {from: {type: scratch}, outputs: [oci, tar]}\n');
  expect(notes).toEqual(['1: the outputs are left out: add them by hand']);
});

it('takes overlay_dirs for directories', async () => {
  const [item] = await itemsOf('overlay_dirs: [{source: dir, dest: /o}, {source: dir, dest: /p}]');
  expect(item?.artifacts).toMatchObject([
    { path: 'dir', dest: '/o/' },
    { path: 'dir', dest: '/p/' },
  ]);
});

describe('run', () => {
  it('is a module that calls the script as stacker does', async () => {
    const { files } = await convert(
      `app: {from: ${onBase}, run: [one, two], build_env: {A: "it's"}, imports: [f, dir]}\n`,
    );
    expect(files['cekit-modules/app/script']).toBe('#!/bin/sh -xe\none\ntwo\n');
    expect(parse(files['cekit-modules/app/module.yaml'] ?? '')).toEqual({
      name: 'app',
      version: '1.0',
      artifacts: [
        { name: 'app-1-f', path: '../../../../f', target: 'f', dest: '/stacker/imports/' },
        { name: 'app-2-dir', path: '../../../../dir', dest: '/stacker/imports/dir/' },
      ],
      execute: [{ script: 'run.sh', user: '0' }],
    });
    const [, cd, mkdir, call, remove] = files['cekit-modules/app/run.sh']?.split('\n') ?? [];
    expect([cd, mkdir, remove]).toEqual([
      'cd / || exit',
      'mkdir -p /stacker/imports',
      'rm -rf /stacker /tmp/scripts',
    ]);
    expect(call).toMatch(/^env -i PATH=\S+ container=lxc 'A=it'\\''s' STACKER_LAYER_NAME=app /);
    expect(call).toMatch(
      / \$\{http_proxy\+"http_proxy=\$http_proxy"\} .* \/tmp\/scripts\/app\/script \|\| exit$/,
    );
  });

  it('begins with a stage for its files where there is no base', async () => {
    expect(await itemsOf('imports: [{path: dir, dest: /bin}]\nrun: x')).toEqual([
      {
        name: 'app-files',
        version: '1.0',
        from: 'scratch',
        artifacts: [{ name: 'app-1-bin', path: 'dir', dest: '/bin/' }],
      },
      expect.objectContaining({ name: 'app', from: 'app-files', run: { user: '0' } }),
    ]);
  });

  it('finds what the deprecated import brings in both places', async () => {
    const { files } = await convert(`app: {from: ${onBase}, run: x, import: [f]}\n`);
    expect(files['cekit-modules/app/run.sh']).toContain(
      'mkdir -p /stacker\nmkdir -p /.stacker && { [ -e /.stacker/imports ] || ln -s /stacker /.stacker/imports; }\n',
    );
    expect(files['cekit-modules/app/run.sh']).toContain('\nrm -rf /stacker /.stacker /tmp/scripts\n');
  });
});

it('writes values that Dockerfiles take for what they are', async () => {
  const [item] = await itemsOf(
    String.raw`environment: {A: 'a$b "c" \d'}
labels: {l: 'x$y'}
volumes: ['/v$x']
working_dir: "/w's"
user: 5
entrypoint: ['a"b', '$HOME', 'c\d']
cmd: []`,
    onBase,
  );
  expect(item).toMatchObject({
    envs: [{ name: 'A', value: String.raw`a\$b \"c\" \\d` }],
    labels: [{ name: 'l', value: String.raw`x\$y` }],
    volumes: [{ path: String.raw`/v\\$x` }],
    run: {
      workdir: String.raw`/w\'s`,
      user: '5',
      entrypoint: [String.raw`a\"b`, '$HOME', String.raw`c\\d`],
      cmd: [],
    },
  });
});

describe('a note tells of', () => {
  it.each([
    ['annotations: {a: b}', '1: a descriptor has no annotations: a are left out'],
    ['generate_labels: x', "3: a descriptor has no 'generate_labels': add these labels by hand"],
    ['arch: arm64', '1: the platform is said when building: --platform linux/arm64'],
    [
      'run: x\nbinds: [/host -> /in]',
      '4: a descriptor has no binds: /host is not at /in while something runs',
    ],
    ['apply: ["docker://a/b:1"]', "3: a descriptor has no 'apply': docker://a/b:1 is left out"],
    [
      'run: x\nbuild_env_passthrough: [MY_.*]',
      '3: variables of the host do not reach scripts of modules: MY_.*',
    ],
    [
      'imports: [{path: f, dest: /, uid: 1}]',
      '3: mode, uid and gid of artifacts mean nothing to CEKit itself',
    ],
    ['imports: [{path: link, dest: /}]', '3: /link is a link: CEKit copies what it leads to'],
    [
      'imports: [{path: dir, dest: /}]',
      '3: directories of artifacts keep their permissions, those of imports get 0755',
    ],
  ])('%s', async (directives, note) => {
    const text = `app:\n  from: ${onBase}\n${directives.replaceAll(/^/gm, '  ')}\n`;
    const { notes, files } = await convert(text, {
      prepare: async path => {
        symlinkSync('f', join(path, 'link'));
        await chmod(join(path, 'dir/sub'), 0o700);
      },
    });
    expect(notes).toEqual([note]);
    const line = files['image.yaml']?.split('\n')[1];
    expect(line).toMatch(/^# stacker\.yaml:\d+: /);
    expect(line?.slice(-10)).toBe(note.slice(-10));
  });

  it.each([
    [
      '{type: tar, url: x.tar}',
      'a descriptor cannot begin with an archive: make an image of it, and begin with that',
    ],
    [
      '[{type: docker, url: "docker://a"}, {type: docker, url: "docker://b"}]',
      'a descriptor has one base: stack these images first, and begin with the result',
    ],
    [
      '{type: docker, url: "docker://h/a", insecure: true}',
      "a descriptor has no 'insecure': only registries of this machine do without TLS",
    ],
  ])('%s', async (from, note) => {
    expect((await convert(`app: {from: ${from}}\n`)).notes).toEqual([`1: ${note}`]);
  });

  it('checksums of what comes out of other layers', async () => {
    const { descriptors, notes } = await convert(
      'a: {build_only: true, from: {type: scratch}}\napp:\n  from: {type: scratch}\n' +
        `  imports: [{path: "stacker://a/x", dest: /, hash: ${'a'.repeat(64)}}]\n`,
    );
    expect(descriptors['image.yaml']?.[1]?.artifacts).toEqual([
      { name: 'app-1-x', image: 'a', path: '/x', target: 'x', dest: '/' },
    ]);
    expect(notes).toEqual(["4: what is copied from 'a' has no checksum in a descriptor"]);
  });

  it('files that CEKit would not run anything on', async () => {
    const { notes } = await convert('app: {from: {type: scratch}, run: x}\n');
    expect(notes).toEqual([
      '1: this begins with files that are brought to scratch, which CEKit itself cannot build',
    ]);
  });

  it('a base that cannot be asked', async () => {
    const { notes } = await convert(`app: {from: ${onBase}}\n`, { readBase: async () => undefined });
    expect(notes).toEqual([
      '1: docker://base:1 cannot be asked: its user is not known here, and its command is lost where the image has ' +
        'an entrypoint',
    ]);
  });

  it('layers only where they are used', async () => {
    const { files } = await convert(
      'a: {from: {type: scratch}, annotations: {x: y}}\nb: {from: {type: scratch}}\n',
    );
    expect(files['image-a.yaml']).toContain('annotations');
    expect(files['image-b.yaml']).not.toContain('annotations');
  });
});
