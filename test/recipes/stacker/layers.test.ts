import { describe, expect, it } from 'vitest';
import type { CopyItem, CopyStep, RunStep, Surroundings } from '../../../src/plan/types.ts';
import type { StackerOptions } from '../../../src/recipes/stacker/index.ts';
import { failure, layer, load, loadLayer } from './load.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

async function loadRun(directives: string, options: Partial<StackerOptions> = {}): Promise<RunStep> {
  const step = (await loadLayer(directives, options)).steps.find(step => step.kind === 'run');
  if (step === undefined) throw new Error('no run step');
  return step;
}

async function loadShell(directives: string): Promise<Surroundings> {
  return (await loadLayer(directives)).shell;
}

/** What is copied, each item by a step of its own. */
async function loadCopies(directives: string): Promise<(CopyItem & Pick<CopyStep, 'createdBy'>)[]> {
  const steps = (await loadLayer(directives)).steps.filter(step => step.kind === 'copy');
  return steps.map(({ items: [item, ...more], createdBy }) => {
    if (!item || more.length > 0) throw new Error('a step of several items');
    return { ...item, createdBy };
  });
}

describe('from', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  it.each([
    ['{type: scratch}', { kind: 'scratch' }],
    [
      '{type: docker, url: "docker://debian:12"}',
      { kind: 'image', reference: 'docker://debian:12', insecure: false },
    ],
    [
      `{type: docker, url: "docker://host:5000/a/b@${digest}", insecure: yes}`,
      { kind: 'image', reference: `docker://host:5000/a/b@${digest}`, insecure: true },
    ],
    ['{type: docker, url: "oci:dir:tag"}', { kind: 'image', reference: 'oci:/cwd/dir:tag' }],
    ['{type: docker, url: "docker-daemon:a"}', { kind: 'image', reference: 'docker-daemon:a:latest' }],
    ['{type: docker, url: "docker-daemon:h:5000/a:1"}', { reference: 'docker-daemon:h:5000/a:1' }],
    ['{type: docker, url: "docker-daemon:h:5000/a"}', { reference: 'docker-daemon:h:5000/a:latest' }],
    ['{type: oci, url: "docker://debian"}', { kind: 'image', reference: 'docker://debian' }],
    ['{type: oci, url: "dest:busybox:0.1.1"}', { kind: 'image', reference: 'oci:/cwd/dest:busybox:0.1.1' }],
    ['{type: oci, url: "/abs/dir:tag"}', { kind: 'image', reference: 'oci:/abs/dir:tag' }],
    [
      '{type: tar, url: a/b.tar, tag: ignored}',
      { kind: 'tar', source: { kind: 'file', path: '/cwd/a/b.tar' } },
    ],
    [
      '{type: tar, url: "http://h/b.tar?x"}',
      { kind: 'tar', source: { kind: 'http', url: 'http://h/b.tar?x' } },
    ],
    [
      `{type: tar, url: "https://h/b.tar", hash: ${'AB'.repeat(32)}}`,
      {
        kind: 'tar',
        source: { kind: 'http', url: 'https://h/b.tar', checksums: { sha256: 'ab'.repeat(32) } },
      },
    ],
    ['{type: scratch, url: a.tar}', { kind: 'tar', source: { kind: 'file', path: '/cwd/a.tar' } }],
  ])('%s', async (from, base) => {
    expect((await loadLayer(`from: ${from}`)).base).toMatchObject(base);
  });

  it('warns about a hash that nothing is compared with', async () => {
    const { warnings } = await load(layer('from: {type: docker, url: "docker://a", hash: abc}'));
    expect(warnings).toMatchObject([
      {
        message: "'hash' in 'from' is ignored for image type 'docker'",
        at: { line: 2, column: 49, length: 3 },
      },
    ]);
  });

  it('continues another layer with built, and unpacks an archive of another layer with stacker://', async () => {
    const { plan } = await load(
      'a: {from: {type: scratch}}\n' +
        'b: {from: {type: built, tag: a}}\n' +
        'c: {from: {type: tar, url: stacker://b/x/../y.tar}}\n',
    );
    expect(plan.images.map(({ base }) => base)).toMatchObject([
      { kind: 'scratch' },
      { kind: 'built', image: 'a' },
      { kind: 'tar', source: { kind: 'image', image: 'b', path: '/y.tar' } },
    ]);
  });

  it('refuses a layout below a directory with a colon, which no reference could express', async () => {
    const options = (directory: string) => ({ cwd: `${directory}/a:b`, files: ['stacker.yaml'] });
    const { error } = await failure(
      { 'a:b/stacker.yaml': layer('from: {type: oci, url: "dir:tag"}') },
      options,
    );
    expect(error.message).toMatch(/^the path of an OCI layout cannot contain ':': .*\/a:b\/dir$/);
  });
});

describe('imports', () => {
  it('without dest are seen by run steps under their own name', async () => {
    const { imports } = await loadLayer(
      'imports:\n' +
        '  - a/b\n' +
        '  - /abs/dir/\n' +
        '  - .\n' +
        '  - http://host/x/file.tar?v=1\n' +
        '  - {path: c, mode: 0755, uid: 0, gid: 7, perms: 0777}\n',
    );
    expect(imports.map(({ name }) => name)).toEqual(['b', 'dir', 'sub', 'file.tar?v=1', 'c']);
    expect(imports).toMatchObject([
      {
        source: {
          kind: 'file',
          path: '/cwd/sub/a/b',
          messages: { missing: "couldn't stat import /cwd/sub/a/b" },
        },
      },
      { source: { kind: 'file', path: '/abs/dir', directory: true } },
      { source: { kind: 'file', path: '/cwd/sub' } },
      { source: { kind: 'http', url: 'http://host/x/file.tar?v=1' } },
      { source: { path: '/cwd/sub/c' }, mode: 0o755, uid: 0, gid: 7 },
    ]);
    expect(imports[0]).not.toHaveProperty('mode');
    expect(imports[0]).not.toHaveProperty('uid');
    expect(imports[0]?.source).not.toHaveProperty('directory');
  });

  it.each([
    ['f', '/d/', '/d/f'],
    ['f', '/d/g', '/d/g'],
    ['f', '/', '/f'],
    ['f', '/usr/bin', '/usr/bin'],
    ['d1', '/d2', '/d2'],
    ['d1/', '/d2', '/d2'],
    ['d1/', '/d2/', '/d2'],
    ['d1/', '/', '/'],
    ['d1', '/d2/', '/d2/d1'],
    ['stacker://x/p/dir/', '/y/', '/y'],
    ['stacker://x/p/f', '/y/', '/y/f'],
    ['stacker://x/p/f', '/d/g', '/d/g'],
    ['stacker://x', '/y', '/y'],
    ['http://h/f', '/d/g', '/d/g'],
    ['http://h/f?q', '/d/', '/d/f?q'],
    ['f', '/a/../b//c', '/b/c'],
  ])('copies %s with dest %s to %s', async (path, dest, target) => {
    const { plan } = await load(
      `x: {from: {type: scratch}}\n${layer(`imports: [{path: "${path}", dest: ${dest}}]`)}`,
    );
    expect(plan.images[1]?.steps).toMatchObject([
      { kind: 'copy', items: [{ target, keep: 'content', uid: 0, gid: 0 }] },
    ]);
    expect(plan.images[1]?.imports).toEqual([]);
  });

  it('with dest keep mode and owner, and make one step each after the overlay_dirs', async () => {
    const steps = await loadCopies(
      'imports:\n  - {path: a, dest: /x/, mode: 0640, uid: 3}\n  - {path: b, dest: /y}\noverlay_dirs: [{source: o}]\n',
    );
    expect(steps).toMatchObject([
      { target: '/', keep: 'all', source: { path: '/cwd/sub/o', directory: true }, uid: 0, gid: 0 },
      { target: '/x/a', mode: 0o640, uid: 3, gid: 0, createdBy: 'stacker overlay dir for l' },
      { target: '/y' },
    ]);
    expect(steps[2]).not.toHaveProperty('mode');
  });

  it('can be one string, nothing, or null', async () => {
    expect((await loadLayer('imports: a')).imports).toHaveLength(1);
    expect((await loadLayer('imports: []')).imports).toEqual([]);
    expect((await loadLayer('imports:')).imports).toEqual([]);
    expect((await loadLayer('imports: ""')).imports).toEqual([]);
  });

  it('take a hash in any case', async () => {
    const [file] = (await loadLayer(`imports: [{path: a, hash: ${'aB'.repeat(32)}}]`)).imports;
    expect(file?.source.checksums).toEqual({ sha256: 'ab'.repeat(32) });
    const [none] = (await loadLayer('imports: [{path: a, hash: ""}]')).imports;
    expect(none?.source).not.toHaveProperty('checksums');
  });

  it('warn about unknown keys, keys given twice, and names that collide', async () => {
    const { warnings } = await load(
      layer('imports: [{path: a, perms: 0777}, x/a, {path: b, path: c, detst: /d}]'),
    );
    expect(warnings.map(({ message }) => message)).toEqual([
      "unknown key 'perms' in import is ignored",
      "'path' is given twice, the last one counts",
      'unknown key \'detst\' in import is ignored: did you mean "dest"?',
      "layer 'l' has several imports named 'a', the last one counts",
    ]);
    expect(warnings[0]?.at).toMatchObject({ line: 3, column: 23, length: 5 });
  });
});

describe('a mode', () => {
  it.each([
    ['755', "'mode' 755 is a decimal number, in octal 01363: did you mean 0755?"],
    ['1777', "'mode' 1777 is a decimal number, in octal 03361: did you mean 01777?"],
    ['0755', undefined],
    ['0o755', undefined],
    ['493', undefined],
    ['420', undefined],
  ])('that was probably meant as octal is warned about: %s', async (mode, expected) => {
    const { warnings } = await load(layer(`imports: [{path: a, mode: ${mode}}]`));
    expect(warnings.map(({ message }) => message)).toEqual(expected === undefined ? [] : [expected]);
  });
});

describe('import, the deprecated form', () => {
  it('puts the files into /stacker, and warns', async () => {
    const loaded = await load(layer('import: [a]\nrun: x'));
    expect(loaded.plan.images[0]?.steps).toMatchObject([
      { surroundings: { importDirectories: ['/stacker', '/.stacker/imports'] } },
    ]);
    expect(loaded.warnings.map(({ message }) => message)).toEqual([
      "'import' directive used in layer 'l' inside file 'stacker.yaml' is deprecated. Support for 'import' will be " +
        "removed in releases after 2025-01-01. Migrate by changing 'import' to 'imports' and '/stacker' to " +
        "'/stacker/imports'. See https://github.com/project-stacker/stacker/issues/571 for migration.",
    ]);
  });

  it('puts them into /stacker/imports where scripts look there, unless that is one of them', async () => {
    const placesOf = async (directives: string) => {
      const { steps } = await loadLayer(directives);
      return steps.map(step => step.kind === 'run' && step.surroundings.importDirectories);
    };
    const newer = ['/stacker/imports', '/.stacker/imports'];
    expect(await placesOf('import: [a]\nrun: ls /stacker; cat /stacker/imports/a')).toEqual([newer]);
    const older = ['/stacker', '/.stacker/imports'];
    expect(await placesOf('import: [imports]\nrun: cat /stacker/imports/a')).toEqual([older]);
    expect(await placesOf('import: [a]\nrun: cat /.stacker/imports/a')).toEqual([older]);
  });

  it('splits a string at its line breaks', async () => {
    expect((await loadLayer('import: |\n  a\n\n  b\n')).imports.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('takes one entry without a list around it', async () => {
    const { imports } = await loadLayer('import:\n  path: a/b\n  mode: 0700\n');
    expect(imports).toMatchObject([{ name: 'b', mode: 0o700 }]);
  });

  it('may be empty beside imports', async () => {
    const loaded = await load(layer('import:\nimports: [b]\nrun: x'));
    expect(loaded.warnings).toEqual([]);
    expect(loaded.plan.images[0]?.steps).toMatchObject([
      { surroundings: { importDirectories: ['/stacker/imports'] } },
    ]);
  });
});

describe('overlay_dirs', () => {
  it('are one step each, in order, with the words for a source that is not there', async () => {
    const steps = await loadCopies('overlay_dirs:\n  - {source: a, dest: /x/}\n  - {source: /b, dest: z}\n');
    expect(steps).toMatchObject([
      {
        target: '/x',
        keep: 'all',
        createdBy: 'stacker overlay dir for l',
        source: {
          path: '/cwd/sub/a',
          directory: true,
          messages: {
            missing: "Given overlay_dir /cwd/sub/a doesn't exists",
            notDirectory: 'Given overlay_dir /cwd/sub/a should be a directory',
          },
        },
      },
      { target: '/z', source: { path: '/b' } },
    ]);
  });
});

describe('run', () => {
  it.each([
    ['run: echo a', '#!/bin/sh -xe\necho a\n'],
    ['run: [echo a, echo b]', '#!/bin/sh -xe\necho a\necho b\n'],
    ['run: |\n  a\n  b\n', '#!/bin/sh -xe\na\nb\n'],
    ['run: |\n  #!/usr/bin/python3\n  print(1)\n', '#!/usr/bin/python3\nprint(1)\n'],
    ['run: ["#!/bin/bash", "echo"]', '#!/bin/bash\necho\n'],
  ])('%j becomes one script', async (directives, script) => {
    expect((await loadRun(directives)).script).toBe(script);
  });

  it.each(['run:', 'run: []', 'run: ""'])('%s runs nothing', async directives => {
    expect((await loadLayer(directives)).steps).toEqual([]);
  });

  it('carries its place, its words and where the imports are', async () => {
    expect(await loadRun('run: x')).toMatchObject({
      surroundings: { importDirectories: ['/stacker/imports'] },
      createdBy: 'stacker build of l',
      failure: 'run commands failed for image "l" in "sub/stacker.yaml"',
      at: { file: '/cwd/sub/stacker.yaml', line: 3, column: 3, length: 3 },
    });
  });

  it('has an environment of build_env, with the name of the layer on top', async () => {
    const { environment } = await loadShell(
      'run: x\nbuild_env: {V: 1.10, EMPTY: , STACKER_LAYER_NAME: mine, __proto__: p}',
    );
    expect(environment.defaults).toEqual({ PATH: defaultPath, container: 'lxc' });
    expect(Object.entries(environment.set)).toEqual([
      ['V', '1.1'],
      ['EMPTY', ''],
      ['STACKER_LAYER_NAME', 'l'],
      ['__proto__', 'p'],
    ]);
  });

  it('lets proxies, TERM and SOURCE_DATE_EPOCH through unless a list says otherwise', async () => {
    const proxies = ['ftp_proxy', 'http_proxy', 'https_proxy', 'no_proxy'];
    const standard = [...proxies, ...proxies.map(name => name.toUpperCase()), 'TERM', 'SOURCE_DATE_EPOCH'];
    expect((await loadShell('run: x')).environment.passThrough).toEqual(standard);
    expect((await loadShell('run: x\nbuild_env_passthrough: []')).environment.passThrough).toEqual(standard);
    expect((await loadShell('run: x\nbuild_env_passthrough: [".*", "A|B"]')).environment.passThrough).toEqual(
      ['.*', 'A|B'],
    );
  });
});

describe('generate_labels', () => {
  it('is a script with an environment of two variables, imports and one directory under three names', async () => {
    const { labels } = await loadLayer('generate_labels: [a, b]\nbuild_env: {A: 1}\nbinds: [/x]');
    expect(labels).toEqual({
      script: '#!/bin/sh -xe\na\nb\n',
      surroundings: {
        environment: { defaults: { PATH: defaultPath, container: 'lxc' }, passThrough: [], set: {} },
        binds: [],
        importDirectories: ['/stacker/imports'],
      },
      directories: ['/oci-labels', '/stacker/oci-labels', '/.stacker/oci-labels'],
      failure: 'generate_labels commands failed for image "l" in "sub/stacker.yaml"',
      at: expect.objectContaining({ line: 3, column: 3, length: 15 }),
    });
  });
});

describe('binds', () => {
  it.each([
    ['[/a -> /b]', [{ source: '/a', target: '/b' }]],
    ['[/a]', [{ source: '/a', target: '/a' }]],
    ['["  x/y   ->  z "]', [{ source: '/cwd/sub/x/y', target: '/cwd/sub/z' }]],
    ['[x]', [{ source: '/cwd/sub/x', target: '/cwd/sub/x' }]],
    ['/a -> /b', [{ source: '/a', target: '/b' }]],
    ['[{source: /a b, dest: /c d}]', [{ source: '/a b', target: '/c d' }]],
    [
      '[{source: x}, /z]',
      [
        { source: '/cwd/sub/x', target: '/cwd/sub/x' },
        { source: '/z', target: '/z' },
      ],
    ],
    ['', []],
  ])('%s', async (binds, expected) => {
    expect((await loadShell(`binds: ${binds}`)).binds).toMatchObject(expected);
    expect((await loadShell(`binds: ${binds}`)).binds).toHaveLength(expected.length);
  });

  it('and everything else that a script would find is kept for a shell where nothing runs', async () => {
    const image = await loadLayer('build_env: {A: 1}\nbinds: [/x]\nimport: [/i]');
    expect(image.steps).toEqual([]);
    expect(image.shell).toMatchObject({
      environment: { set: { A: '1', STACKER_LAYER_NAME: 'l' } },
      binds: [{ source: '/x', target: '/x' }],
      importDirectories: ['/stacker', '/.stacker/imports'],
    });
  });

  it('are checked even when nothing runs', async () => {
    expect((await failure(layer('binds: [5]'))).error.message).toBe("unexpected 'bind' data of type: int: 5");
  });
});

describe('the image config', () => {
  const config = async (directives: string) => (await loadLayer(directives)).config;

  it('is empty when nothing is said, but for a PATH where there is none', async () => {
    expect(await config('')).toEqual({
      environment: [],
      defaultEnvironment: [['PATH', defaultPath]],
      labels: {},
      volumes: [],
    });
  });

  it('takes environment in the order of the file, labels, volumes and the working directory', async () => {
    expect(
      await config(
        'environment: {Z: 1, A: 2, "10": x}\nlabels: {b: , a: z}\nvolumes: [/v, 5]\nworking_dir: /w',
      ),
    ).toMatchObject({
      environment: [
        ['Z', '1'],
        ['A', '2'],
        ['10', 'x'],
      ],
      labels: { b: '', a: 'z' },
      volumes: ['/v', '5'],
      workingDir: '/w',
    });
  });

  it.each([
    ['v: 1.10', '1.1'],
    ['v: 0755', '493'],
    ['v: yes', 'true'],
    ['v: y', 'true'],
    ['v: Off', 'false'],
    ['v: "yes"', 'yes'],
    ['v: 0x1F', '31'],
    ['v: 1_000', '1000'],
    ['v: 1e3', '1000'],
    ['v: 1234567.5', '1.2345675e+06'],
    ['v: .5', '0.5'],
    ['v: 0.00001', '1e-05'],
    ['v: 18446744073709551616', '1.8446744073709552e+19'],
    ['v: 9007199254740993', '9007199254740993'],
    ['v: 12:30', '12:30'],
    ['v: 2020-01-01', '2020-01-01'],
    ['v: ~', ''],
    ['v: !!str 0755', '0755'],
    ['v: 1.2.3', '1.2.3'],
    ['v: 08', '8'],
  ])('prints %s as %s', async (entry, printed) => {
    expect((await config(`labels: {${entry}}`)).labels).toEqual({ v: printed });
  });

  it('runs as user, or runtime_user, or both when they agree', async () => {
    expect((await config('user: 1000')).user).toBe('1000');
    expect((await config('runtime_user: 0755')).user).toBe('493');
    expect((await config('user: a\nruntime_user: a')).user).toBe('a');
    expect(await config('user: ""\nworking_dir:')).not.toHaveProperty('user');
    expect(await config('user: ""\nworking_dir:')).not.toHaveProperty('workingDir');
  });

  it.each([
    ['cmd: a "b c"', { cmd: ['a', 'b c'] }],
    ['cmd: [a, "b c"]', { cmd: ['a', 'b c'] }],
    ['cmd: []', { cmd: null }],
    ['cmd:', {}],
    ["entrypoint: a ''", { entrypoint: ['a', ''] }],
    ['entrypoint: []', { entrypoint: null }],
    ['full_command: a b', { entrypoint: ['a', 'b'], cmd: null }],
    ['full_command: a\ncmd: b', { entrypoint: ['a'], cmd: ['b'] }],
    ['full_command: []', { entrypoint: null, cmd: null }],
  ])('%j', async (directives, expected) => {
    const { entrypoint, cmd } = await config(directives);
    expect({ ...(entrypoint !== undefined && { entrypoint }), ...(cmd !== undefined && { cmd }) }).toEqual(
      expected,
    );
  });
});

describe('the other directives', () => {
  it('build_only keeps a layer out of the output', async () => {
    expect((await loadLayer('build_only: true')).emit).toBe(false);
    expect((await loadLayer('build_only: no')).emit).toBe(true);
    expect((await loadLayer('build_only:')).emit).toBe(true);
  });

  it('os and arch choose the platform, and only the host has a variant', async () => {
    const hostPlatform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    expect((await loadLayer('', { hostPlatform })).platform).toEqual(hostPlatform);
    expect((await loadLayer('os: freebsd', { hostPlatform })).platform).toEqual({
      ...hostPlatform,
      os: 'freebsd',
    });
    expect((await loadLayer('arch: 386', { hostPlatform })).platform).toEqual({
      os: 'linux',
      architecture: '386',
    });
  });

  it('annotations stand beside those that every image gets, which win', async () => {
    const placeholder = '${{V}}';
    const text = layer(
      `annotations: {a: 1.0, io.x.stacker.stacker_version: mine}\nlabels: {v: "${placeholder}"}`,
    );
    const { plan } = await load(text, { annotationsNamespace: 'io.x', substitutions: ['V=7'] });
    expect(plan.images[0]?.annotations).toEqual({
      a: '1',
      'io.x.stacker.stacker_version': '1.2.3',
      'io.x.stacker.stacker_yaml': text.replace(placeholder, '7'),
    });
  });

  it('bom is accepted with a warning', async () => {
    const { warnings } = await load(layer('bom: {generate: true}'));
    expect(warnings).toMatchObject([
      {
        message:
          "'bom' directive used in layer 'l' inside file 'stacker.yaml' is deprecated. Support for 'bom' is removed in " +
          'releases after 2026-03-10.',
        at: { line: 3, column: 3 },
      },
    ]);
  });

  it('a directive given twice counts once, with a warning', async () => {
    const { plan, warnings } = await load(layer('run: a\nrun: b'));
    expect(plan.images[0]?.steps).toMatchObject([{ script: '#!/bin/sh -xe\nb\n' }]);
    expect(warnings).toMatchObject([
      { message: "'run' is given twice, the last one counts", at: { line: 4 } },
    ]);
  });

  it('merge keys and aliases share directives between layers', async () => {
    const { plan } = await load(
      'base: &base\n  from: {type: scratch}\n  environment: &env {A: 1, B: 2}\n' +
        'child:\n  <<: *base\n  environment: {<<: *env, B: 3, C: 4}\n',
    );
    expect(plan.images[1]).toMatchObject({ name: 'child', base: { kind: 'scratch' } });
    expect(plan.images[1]?.config.environment).toEqual([
      ['A', '1'],
      ['B', '3'],
      ['C', '4'],
    ]);
  });

  it.each(['a_b', '_a', 'A.b-c', '9', 'a+b', 'a@b', 'a/b', 'a__b'])(
    'a layer may be called %s',
    async name => {
      const { plan } = await load(`"${name}": {from: {type: scratch}}`);
      expect(plan.images[0]?.name).toBe(name);
    },
  );

  it.each(['', '# nothing\n', '---\n'])('a file with the text %j has no layers', async text => {
    expect((await load(text)).plan.images).toEqual([]);
  });
});
