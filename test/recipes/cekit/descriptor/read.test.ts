import { describe, expect, it } from 'vitest';
import { readDescriptor, readModule, readOverrides } from '../../../../src/recipes/cekit/descriptor/read.ts';
import { bare, ignore, image, listener, source } from './support.ts';

const nothing = {
  labels: [],
  envs: [],
  args: [],
  ports: [],
  volumes: [],
  artifacts: [],
  run: {},
  modules: { repositories: [], install: [] },
  packages: { install: [], remove: [], reinstall: [], repositories: [] },
  osbs: {},
  help: {},
};

describe('a descriptor', () => {
  it('that says the least has nothing else', () => {
    expect(bare(image())).toEqual({ name: 'n', version: '1', ...nothing });
  });

  const sections: readonly (readonly [text: string, meaning: object])[] = [
    [
      'schema_version: 1\nrelease: 5\nfrom: a:1\nfollow_tag: b:2\ndescription: 1.10',
      { schemaVersion: 1, release: '5', from: 'a:1', followTag: 'b:2', description: '1.1' },
    ],
    [
      'labels: [{name: a, value: "1", description: d}, {name: a, value: ""}]',
      {
        labels: [
          { name: 'a', value: '1', description: 'd' },
          { name: 'a', value: '' },
        ],
      },
    ],
    [
      'envs: [{name: a}, {name: b, value: ~}, {name: c, value: ""}, {name: d, value: 0}, {name: e, value: false}]',
      {
        envs: [
          { name: 'a', others: {} },
          { name: 'b', value: null, others: {} },
          { name: 'c', value: '', others: {} },
          { name: 'd', value: '0', others: {} },
          { name: 'e', value: 'False', others: {} },
        ],
      },
    ],
    [
      'envs: [{name: a, value: 2020-01-01, example: [1, yes], description: d, since: 1.0, tags: {a: [~, 2020-01-01, .inf]}}]',
      {
        envs: [
          {
            name: 'a',
            value: '2020-01-01',
            example: '[1, True]',
            description: 'd',
            others: { since: 1, tags: { a: [null, '2020-01-01', 'inf'] } },
          },
        ],
      },
    ],
    [
      'args: [{name: a}, {name: b, value: ~}, {name: c, value: "", example: e, description: d}]',
      {
        args: [
          { name: 'a' },
          { name: 'b', value: null },
          { name: 'c', value: '', example: 'e', description: 'd' },
        ],
      },
    ],
    [
      'ports: [{value: 80}, {value: 53, protocol: udp, service: dns, expose: no, description: d}]',
      {
        ports: [
          { value: 80 },
          { value: 53, protocol: 'udp', service: 'dns', expose: false, description: 'd' },
        ],
      },
    ],
    ['volumes: [{path: /a}, {path: /b, name: c}]', { volumes: [{ path: '/a' }, { path: '/b', name: 'c' }] }],
    [
      'run: {user: 185, workdir: /w, cmd: [], entrypoint: [a, "1"]}',
      { run: { user: '185', workdir: '/w', cmd: { words: [] }, entrypoint: { words: ['a', '1'] } } },
    ],
    [
      'run: {user: ~, workdir: ~, cmd: ~, entrypoint: ~}',
      { run: { user: null, workdir: null, cmd: null, entrypoint: null } },
    ],
    [
      'modules: {repositories: [{path: modules}, {name: g, git: {url: u, ref: r}, target: t}], install: [{name: a}, {name: b, version: "1.0"}]}',
      {
        modules: {
          repositories: [
            { kind: 'path', name: 'modules', path: 'modules', checksums: {} },
            { kind: 'git', name: 'g', url: 'u', ref: 'r', target: 't' },
          ],
          install: [{ name: 'a' }, { name: 'b', version: '1.0' }],
        },
      },
    ],
    [
      'packages: {manager: apt, manager_flags: "", install: [a, 1.10], remove: [b], reinstall: [c]}',
      {
        packages: {
          manager: 'apt-get',
          managerFlags: '',
          install: ['a', '1.1'],
          remove: ['b'],
          reinstall: ['c'],
          repositories: [],
        },
      },
    ],
    [
      'packages: {manager: ~, manager_flags: ~, install: ~, content_sets: ~}',
      { packages: { ...nothing.packages, managerFlags: null, contentSets: null } },
    ],
    [
      'packages: {content_sets: {x86_64: [a, b], ppc64le: }}',
      {
        packages: {
          ...nothing.packages,
          contentSets: { kind: 'sets', sets: { x86_64: ['a', 'b'], ppc64le: [] } },
        },
      },
    ],
    [
      'packages: {content_sets_file: sets.yaml}',
      { packages: { ...nothing.packages, contentSets: { kind: 'file', file: 'sets.yaml' } } },
    ],
    [
      'packages: {repositories: [{name: a}, {name: b, id: i, description: d}, {name: c, rpm: r}, {name: d, url: {repository: u}}, {name: e, url: }]}',
      {
        packages: {
          ...nothing.packages,
          repositories: [
            { kind: 'plain', name: 'a' },
            { kind: 'id', name: 'b', id: 'i', description: 'd' },
            { kind: 'rpm', name: 'c', rpm: 'r' },
            { kind: 'url', name: 'd', url: 'u' },
            { kind: 'plain', name: 'e' },
          ],
        },
      },
    ],
    [
      'osbs: {repository: {name: a, branch: b}, koji_target: k, extra_dir: e, extra_dir_target: /t, configuration: {container: {platforms: {only: [x86_64]}}, gating_file: g}}',
      {
        osbs: {
          repository: { name: 'a', branch: 'b' },
          kojiTarget: 'k',
          extraDir: 'e',
          extraDirTarget: '/t',
          configuration: {
            container: { value: { platforms: { only: ['x86_64'] } } },
            gatingFile: 'g',
          },
        },
      },
    ],
    ['osbs: {configuration: {container_file: c}}', { osbs: { configuration: { containerFile: 'c' } } }],
    ['help: {add: yes, template: 5}', { help: { add: true, template: '5' } }],
  ];
  it.each(sections)('reads %s', (text, meaning) => {
    expect(bare(image(text))).toEqual({ name: 'n', version: '1', ...nothing, ...meaning });
  });

  it('takes empty sections for nothing', () => {
    const text = Object.keys(nothing)
      .map(key => `${key}:`)
      .join('\n');
    expect(bare(image(text))).toEqual({ name: 'n', version: '1', ...nothing });
    const below =
      'modules: {repositories: , install: }\npackages: {install: , repositories: }\nosbs: {repository: , configuration: }';
    expect(bare(image(below))).toEqual({ name: 'n', version: '1', ...nothing });
  });

  it.each([
    ['1.10', '1.1'],
    ['1.0', '1.0'],
    ['12', '12'],
    ['012', '10'],
    ['"1.10"', '1.10'],
    ['1.0.0', '1.0.0'],
    ['1.0e+16', '1e+16'],
    ['2.0-jboss1', '2.0-jboss1'],
  ])('prints the version %s as Python would: %s', (written, printed) => {
    const [read] = readDescriptor(source(`name: n\nversion: ${written}`), ignore);
    expect(read?.version.text).toBe(printed);
  });

  it('may be a list, the target last', () => {
    const images = readDescriptor(
      source('- {name: builder, version: 1}\n- {name: app, version: 2, from: scratch}'),
      ignore,
    );
    expect(images.map(({ name, version, at }) => [name.text, version.text, at.line])).toEqual([
      ['builder', '1', 1],
      ['app', '2', 2],
    ]);
  });

  it('may use anchors, aliases and merge keys', () => {
    const text = `- name: a
  version: &v "1"
  labels: &labels
    - &label {name: x, value: y}
- name: b
  version: *v
  labels:
    - <<: *label
      value: z
    - *label`;
    const images = readDescriptor(source(text), ignore);
    expect(images.map(({ labels }) => bare(labels))).toEqual([
      [{ name: 'x', value: 'y' }],
      [
        { name: 'x', value: 'z' },
        { name: 'x', value: 'y' },
      ],
    ]);
    expect(images[1]?.version).toMatchObject({ text: '1', at: { line: 6, column: 12 } });
  });

  it('knows where every value stands', () => {
    const { labels, ports, run, packages, artifacts } = image(
      'labels:\n  - name: a\n    value: "b"\nports: [{value: 80}]\nrun: {cmd: [x, y]}\npackages: {install: [p, q]}\nartifacts:\n  - path: a/b\n    mode: 0644',
    );
    const place = { file: '/project/image.yaml' };
    expect(labels[0]).toMatchObject({
      name: { at: { ...place, line: 4, column: 11, length: 1 } },
      value: { at: { ...place, line: 5, column: 12, length: 3 } },
    });
    expect(ports[0]?.value.at).toEqual({ ...place, line: 6, column: 17, length: 2 });
    expect(run.cmd?.words[1]?.at).toEqual({ ...place, line: 7, column: 16, length: 1 });
    expect(packages.install[1]?.at).toEqual({ ...place, line: 8, column: 25, length: 1 });
    expect(artifacts[0]).toMatchObject({
      name: { text: 'b', at: { ...place, line: 10, column: 11, length: 3 } },
      mode: { at: { ...place, line: 11, column: 11, length: 4 } },
    });
  });
});

describe('an artifact', () => {
  const kinds: readonly (readonly [map: string, meaning: object])[] = [
    ['{path: a/b.txt}', { kind: 'path', name: 'b.txt', path: 'a/b.txt', checksums: {} }],
    ['{path: metadata/}', { kind: 'path', name: 'metadata', path: 'metadata/', checksums: {} }],
    [
      '{name: n, path: a, target: t, dest: /d, description: x, md5: "1", sha1: "2", sha256: "3", sha512: AB}',
      {
        kind: 'path',
        name: 'n',
        path: 'a',
        target: 't',
        dest: '/d',
        description: 'x',
        checksums: { md5: '1', sha1: '2', sha256: '3', sha512: 'AB' },
      },
    ],
    [
      '{url: " http://h/a/b.jar ", source-url: s, source-md5: "1", source-sha1: "2", source-sha256: "3"}',
      {
        kind: 'url',
        name: 'b.jar',
        url: 'http://h/a/b.jar',
        checksums: {},
        origin: { url: 's', checksums: { md5: '1', sha1: '2', sha256: '3' } },
      },
    ],
    [
      '{name: n.jar, sha256: abc}',
      { kind: 'plain', name: 'n.jar', checksums: { sha256: 'abc' }, origin: { checksums: {} } },
    ],
    ['{image: b, path: /a/c}', { kind: 'image', name: 'c', image: 'b', path: '/a/c' }],
    [
      '{pnc_build_id: a, pnc_artifact_id: b, target: t, url: u}',
      { kind: 'pnc', name: 't', buildId: 'a', artifactId: 'b', target: 't', url: 'u' },
    ],
    [
      '{git: {url: "https://h/a/b.c.git", ref: main}}',
      { kind: 'git', name: 'b', url: 'https://h/a/b.c.git', ref: 'main' },
    ],
  ];
  it.each(kinds)('is read: %s', (map, meaning) => {
    expect(bare(image(`artifacts: [${map}]`).artifacts)).toEqual([meaning]);
  });

  it.each([
    ['mode: 0755', 0o755],
    ['mode: 755', 0o755],
    ['mode: "0644"', 0o644],
    ['mode: 0o600', 0o600],
    ['mode: 4755', 0o4755],
  ])('has a mode in octal: %s', (text, mode) => {
    expect(image(`artifacts: [{path: a, ${text}}]`).artifacts[0]?.mode?.value).toBe(mode);
  });

  it.each([
    ['uid: 5, gid: 6', 5, 6],
    ['uid: 5', 5, undefined],
    ['owner: 1001', 1001, undefined],
    ['owner: 1001:0', 1001, 0],
    ['owner: "1001:0"', 1001, 0],
  ])('has an owner: %s', (text, uid, gid) => {
    const [artifact] = image(`artifacts: [{path: a, ${text}}]`).artifacts;
    expect([artifact?.uid?.value, artifact?.gid?.value]).toEqual([uid, gid]);
  });

  it('that is given no name is told of', () => {
    const heard = listener();
    const text =
      'name: n\nversion: 1\nartifacts: [{path: a/f, md5: x}, {name: given, path: b}, {git: {url: u, ref: r}}]';
    readDescriptor(source(text), heard);
    expect(heard.infos).toEqual([
      `No value found for 'name' in '{"dest": "/tmp/artifacts/", "md5": "x", "path": "a/f"}' artifact; using auto-generated value of 'f'`,
      `No value found for 'name' in '{"git": {"ref": "r", "url": "u"}}' artifact; using auto-generated value of 'u'`,
    ]);
  });
});

describe('a module', () => {
  it('has scripts and the directory that it is in', () => {
    const text =
      '{name: m, version: 1.10, execute: [{script: a.sh}, {script: b, user: 185, name: x}, {script: c, user: }]}';
    const module = readModule(source(text, '/r/m/module.yaml', '/r/m'), ignore);
    expect(bare(module.execute)).toEqual([
      { script: 'a.sh' },
      { script: 'b', user: '185', name: 'x' },
      { script: 'c' },
    ]);
    expect([module.name.text, module.version.text, module.directory]).toEqual(['m', '1.1', '/r/m']);
  });
});

describe('an override', () => {
  it('needs nothing', () => {
    for (const text of ['', '{}', '# nothing', 'name:\nversion:']) {
      const { name, version, remove } = readOverrides(source(text), ignore);
      expect([name, version, Object.values(remove).flat()]).toEqual([undefined, undefined, []]);
    }
  });

  it('says which image it means and what is to go', () => {
    const text = `stage: builder
remove: {labels: [a], envs: [b], args: [c], ports: [80], volumes: [/d], artifacts: [e], modules: [f], packages: [g, 1.0], repositories: [h]}`;
    const { stage, remove } = readOverrides(source(text), ignore);
    expect(stage?.text).toBe('builder');
    expect(bare(remove)).toEqual({
      labels: ['a'],
      envs: ['b'],
      args: ['c'],
      ports: [80],
      volumes: ['/d'],
      artifacts: ['e'],
      modules: ['f'],
      packages: ['g', '1.0'],
      repositories: ['h'],
    });
  });
});

it('a protocol that no port has is warned of, and means nothing as in CEKit', () => {
  const heard = listener();
  const text = 'name: n\nversion: 1\nports: [{value: 80, protocol: http}, {value: 53, protocol: UDP}]\n';
  const [read] = readDescriptor(source(text), heard);
  expect(read?.ports.map(({ protocol }) => protocol?.text)).toEqual([undefined, 'UDP']);
  expect(heard.warnings).toMatchObject([
    {
      message: "'http' is not the protocol of a port (tcp, udp, sctp): tcp is taken",
      at: { line: 3, column: 31 },
    },
  ]);
});
