import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyOverrides,
  inlineOverride,
  withRedHatNames,
} from '../../../../src/recipes/cekit/descriptor/overrides.ts';
import { readDescriptor, readOverrides } from '../../../../src/recipes/cekit/descriptor/read.ts';
import type { RawImage } from '../../../../src/recipes/cekit/descriptor/types.ts';
import { AshlarError } from '../../../../src/support/errors.ts';
import { validImages, validOverrides } from './generate.ts';
import { bare, ignore, image, listener, overridden, source } from './support.ts';

function wanted(forms: readonly string[], archives: readonly string[]): unknown {
  return { forms, files: archives.map(format => ({ kind: 'archive', format })) };
}

/** Sections of an image, overrides, and what the section is then: as CEKit merges them. */
const merged: readonly (readonly [
  section: string,
  before: string,
  overrides: readonly string[],
  after: unknown,
])[] = [
  ['name', '', ['name: other'], 'other'],
  ['name', '', ['name: ""', 'name: '], 'n'],
  ['version', '', ['version: 1.10'], '1.1'],
  ['from', 'from: a', ['from: b', 'from: c'], 'c'],
  ['description', 'description: a', ['description: ""'], 'a'],
  ['help', 'help: {add: true, template: t}', ['help: {add: no}'], { add: false }],
  ['help', 'help: {add: true}', ['help: {}'], { add: true }],
  [
    'outputs',
    'outputs: [oci, tar]',
    ['run: {}'],
    { wanted: wanted(['usual'], ['tar']), plain: ['oci', 'tar'] },
  ],
  ['outputs', 'outputs: [oci]', ['outputs: [cpio]'], { wanted: wanted([], ['cpio']), plain: ['cpio'] }],
  ['outputs', 'outputs: [oci]', ['outputs:'], null],
  [
    'labels',
    'labels: [{name: a, value: "1", description: d}, {name: b, value: "1"}]',
    ['labels: [{name: c, value: "3"}, {name: a, value: "2"}]'],
    [
      { name: 'a', value: '2', description: 'd' },
      { name: 'b', value: '1' },
      { name: 'c', value: '3' },
    ],
  ],
  [
    'envs',
    'envs: [{name: a, value: "1", example: e}, {name: b, value: "1"}, {name: c, value: "1"}]',
    ['envs: [{name: a, description: d}, {name: b, value: }, {name: c, value: 0}]'],
    [
      { name: 'a', value: '1', example: 'e', description: 'd', others: {} },
      { name: 'b', value: null, others: {} },
      { name: 'c', value: '0', others: {} },
    ],
  ],
  [
    'args',
    'args: [{name: a, value: "1"}, {name: b, value: "1"}]',
    ['args: [{name: a}, {name: b, value: ~}, {name: c, value: ""}]'],
    [
      { name: 'a', value: '1' },
      { name: 'b', value: null },
      { name: 'c', value: '' },
    ],
  ],
  [
    'ports',
    'ports: [{value: 80, service: http}]',
    ['ports: [{value: 80, expose: false}, {value: 81}]'],
    [{ value: 80, service: 'http', expose: false }, { value: 81 }],
  ],
  [
    'volumes',
    'volumes: [{path: /a, name: x}]',
    ['volumes: [{path: /b}, {path: /a, name: y}]'],
    [{ path: '/a', name: 'y' }, { path: '/b' }],
  ],
  [
    'run',
    'run: {cmd: [a], user: u, entrypoint: [e], workdir: /w}',
    ['run: {cmd: [b, c]}', 'run: {entrypoint: [], user: }'],
    { cmd: { words: ['b', 'c'] }, user: null, entrypoint: { words: [] }, workdir: '/w' },
  ],
  [
    'packages',
    'packages: {manager: dnf, manager_flags: --a, install: [a, b], remove: [x]}',
    ['packages: {install: [c, a], reinstall: [r], manager_flags: ""}'],
    {
      manager: 'dnf',
      managerFlags: '',
      install: ['b', 'c', 'a'],
      remove: ['x'],
      reinstall: ['r'],
      repositories: [],
    },
  ],
  [
    'packages',
    'packages: {manager: yum, manager_flags: --a, content_sets: {x86_64: [a]}}',
    ['packages: {manager: microdnf, manager_flags: ~, content_sets: ~}'],
    {
      manager: 'microdnf',
      managerFlags: null,
      contentSets: null,
      install: [],
      remove: [],
      reinstall: [],
      repositories: [],
    },
  ],
  [
    'packages',
    'packages: {content_sets: {x86_64: [a]}, repositories: [{name: a, id: i, description: d}, {name: b, rpm: r}]}',
    ['packages: {content_sets_file: f, repositories: [{name: c, id: k}, {name: a, rpm: s}]}'],
    {
      contentSets: { kind: 'file', file: 'f' },
      install: [],
      remove: [],
      reinstall: [],
      repositories: [
        { kind: 'rpm', name: 'a', rpm: 's', description: 'd' },
        { kind: 'rpm', name: 'b', rpm: 'r' },
        { kind: 'id', name: 'c', id: 'k' },
      ],
    },
  ],
  [
    'modules',
    'modules: {repositories: [{path: modules}, {path: more}], install: [{name: a, version: "1"}, {name: b}]}',
    [
      'modules: {repositories: [{name: modules, git: {url: u, ref: r}}, {path: new}], install: [{name: c}, {name: a, version: "2"}]}',
    ],
    {
      repositories: [
        { kind: 'git', name: 'modules', url: 'u', ref: 'r' },
        { kind: 'path', name: 'more', path: 'more', checksums: {} },
        { kind: 'path', name: 'new', path: 'new', checksums: {} },
      ],
      install: [{ name: 'a', version: '2' }, { name: 'b' }, { name: 'c' }],
    },
  ],
  [
    'modules',
    'modules: {install: [{name: a, version: "1"}]}',
    ['modules: {install: [{name: a}]}'],
    { repositories: [], install: [{ name: 'a' }] },
  ],
  [
    'artifacts',
    'artifacts: [{name: a, path: p, dest: /d, target: t, description: x, md5: "1", mode: 0600}, {name: b, path: q}]',
    [
      'artifacts: [{name: c, image: i, path: /p}, {name: a, url: "http://u/v"}]',
      'artifacts: [{name: c, path: l, dest: /e}]',
    ],
    [
      {
        kind: 'url',
        name: 'a',
        url: 'http://u/v',
        dest: '/d',
        target: 't',
        description: 'x',
        mode: 0o600,
        checksums: {},
        origin: { checksums: {} },
      },
      { kind: 'path', name: 'b', path: 'q', checksums: {} },
      { kind: 'path', name: 'c', path: 'l', dest: '/e', checksums: {} },
    ],
  ],
  [
    'osbs',
    'osbs: {repository: {name: a, branch: b}, koji_target: k, extra_dir: e}',
    ['osbs: {repository: {branch: x}, koji_target: "", configuration: {}}'],
    { repository: { branch: 'x' }, kojiTarget: 'k', extraDir: 'e' },
  ],
];

describe('overrides', () => {
  it.each(merged)('of %s: %s with %s', (section, before, overrides, after) => {
    const result: Readonly<Record<string, unknown>> = { ...overridden(before, ...overrides) };
    expect(bare(result[section])).toEqual(after);
  });

  it('show their own place, and paths among them their own directory', () => {
    const { labels, artifacts, run, packages } = overridden(
      'labels: [{name: a, value: "1"}]\nartifacts: [{name: x, path: f}, {name: y, path: g}]',
      'labels: [{name: a, value: "2"}]',
      'run: {user: u}\nartifacts: [{name: x, path: h}]\npackages: {content_sets_file: s}',
    );
    expect(labels[0]?.value.at).toMatchObject({ file: '/o0/overrides.yaml', line: 1 });
    expect(run.user?.at.file).toBe('/o1/overrides.yaml');
    expect(artifacts).toMatchObject([
      { path: { text: 'h', directory: '/o1' }, directory: '/o1' },
      { path: { text: 'g', directory: '/project' }, directory: '/project' },
    ]);
    expect(packages.contentSets).toMatchObject({ file: { directory: '/o1' } });
  });

  it('warn of keys that they cannot change', () => {
    const heard = listener();
    const read = readOverrides(source('release: 2\nschema_version: 2\nfollow_tag: a:b'), ignore);
    const [result] = applyOverrides([image('release: 1')], [read], heard);
    expect(heard.warnings.map(({ message, at }) => [message, at?.line])).toEqual([
      ["'release' cannot be overridden and is ignored", 1],
      ["'schema_version' cannot be overridden and is ignored", 2],
      ["'follow_tag' cannot be overridden and is ignored", 3],
    ]);
    expect([result?.release?.text, result?.followTag]).toEqual(['1', undefined]);
  });

  it('do not warn of such keys when they say the same', () => {
    const heard = listener();
    const lines = 'release: 1\nschema_version: 1\nfollow_tag: a:b';
    applyOverrides([image(lines)], [readOverrides(source(lines), ignore)], heard);
    // The only schema there is.
    applyOverrides([image('')], [readOverrides(source('schema_version: 1'), ignore)], heard);
    expect(heard.warnings).toEqual([]);
  });
});

describe('overrides of several images', () => {
  const images = readDescriptor(
    source(
      '- {name: builder, version: 1, from: a, description: bd}\n- {name: app, version: 2, from: scratch, packages: {install: [x]}}',
    ),
    ignore,
  );
  const apply = (...overrides: readonly string[]) =>
    applyOverrides(
      images,
      overrides.map(text => readOverrides(source(text), ignore)),
      ignore,
    );
  const heads = (changed: readonly RawImage[]) =>
    changed.map(({ name, version, from, description }) => bare([name, version, from, description]));

  it('change name, version, base, description and help of the target only', () => {
    const changed = apply('{name: ov, version: "3", from: "new:1", description: d, help: {add: true}}');
    expect(heads(changed)).toEqual([
      ['builder', '1', 'a', 'bd'],
      ['ov', '3', 'new:1', 'd'],
    ]);
    expect(changed.map(({ help }) => help.add?.value)).toEqual([undefined, true]);
  });

  it('change everything else of all', () => {
    const changed = apply('{envs: [{name: OV, value: "1"}], packages: {install: [y]}, run: {user: u}}');
    expect(changed.map(({ envs, packages, run }) => bare([envs, packages.install, run]))).toEqual([
      [[{ name: 'OV', value: '1', others: {} }], ['y'], { user: 'u' }],
      [[{ name: 'OV', value: '1', others: {} }], ['x', 'y'], { user: 'u' }],
    ]);
  });

  it('may name the one image that they mean, as the descriptor calls it', () => {
    const changed = apply(
      '{name: renamed}',
      '{stage: builder, from: b, version: 1.5, labels: [{name: l, value: v}]}',
      '{stage: app, description: d}',
    );
    expect(heads(changed)).toEqual([
      ['builder', '1.5', 'b', 'bd'],
      ['renamed', '2', 'scratch', 'd'],
    ]);
    expect(changed.map(({ labels }) => labels.length)).toEqual([1, 0]);
  });

  it('must not name one that there is not', () => {
    expect(() => apply('{stage: bulider, from: b}')).toThrow(
      expect.objectContaining({
        message: "stage: there is no image 'bulider' in the descriptor",
        hint: 'did you mean "builder"?',
        at: expect.objectContaining({ line: 1, column: 9 }),
      }),
    );
  });
});

describe('what overrides remove', () => {
  const full = `labels: [{name: a, value: "1"}, {name: b, value: "1"}]
envs: [{name: a}, {name: b}]
args: [{name: a}, {name: b}]
ports: [{value: 80}, {value: 81}]
volumes: [{path: /a}, {path: /b}]
artifacts: [{name: a, path: p}, {name: b, path: p}]
modules: {install: [{name: a}, {name: b}]}
packages: {install: [a, b], remove: [a, c], reinstall: [a], repositories: [{name: a, id: i}, {name: b, id: j}]}`;

  it('is gone', () => {
    const { labels, envs, args, ports, volumes, artifacts, modules, packages } = overridden(
      full,
      'remove: {labels: [a], envs: [a], args: [a], ports: [80], volumes: [/a], artifacts: [a], modules: [a], packages: [a], repositories: [a]}',
    );
    const names = [labels, envs, args, artifacts, modules.install, packages.repositories];
    expect(names.map(items => items.map(({ name }) => name.text))).toEqual(Array(6).fill(['b']));
    expect(bare([ports, volumes, packages.install, packages.remove, packages.reinstall])).toEqual([
      [{ value: 81 }],
      [{ path: '/b' }],
      ['b'],
      ['c'],
      [],
    ]);
  });

  it('is gone before the same override adds', () => {
    const { envs, packages } = overridden(
      full,
      '{remove: {envs: [a], packages: [a, b]}, envs: [{name: a, value: new}], packages: {install: [b, d]}}',
    );
    expect(bare([envs.map(({ name }) => name), packages.install])).toEqual([
      ['b', 'a'],
      ['b', 'd'],
    ]);
  });

  it('is warned of where it is not there', () => {
    const heard = listener();
    const override = readOverrides(source('remove: {labels: [a, z], ports: [82], packages: [c, q]}'), ignore);
    applyOverrides([image(full)], [override], heard);
    expect(heard.warnings.map(({ message, at }) => [message, at?.column])).toEqual([
      ["remove.labels: there is no 'z' to remove", 22],
      ["remove.ports: there is no '82' to remove", 34],
      ["remove.packages: there is no 'q' to remove", 53],
    ]);
  });
});

describe('--redhat', () => {
  it('gives every image the names of the target, whatever they say', () => {
    const images = withRedHatNames(
      readDescriptor(
        source(
          '- {name: b, version: 1}\n- {name: app, version: 1.10, labels: [{name: name, value: x, description: d}], envs: [{name: JBOSS_IMAGE_NAME, value: y}]}',
        ),
        ignore,
      ),
    );
    const envs = [
      { name: 'JBOSS_IMAGE_NAME', value: 'app', others: {} },
      { name: 'JBOSS_IMAGE_VERSION', value: '1.1', others: {} },
    ];
    expect(images.map(({ labels, envs }) => bare([labels, envs]))).toEqual([
      [
        [
          { name: 'name', value: 'app' },
          { name: 'version', value: '1.1' },
        ],
        envs,
      ],
      [
        [
          { name: 'name', value: 'app', description: 'd' },
          { name: 'version', value: '1.1' },
        ],
        envs,
      ],
    ]);
  });
});

describe('an override on the command line', () => {
  it.each(['{name: a}', 'name: a', '{"a": 1}', 'labels:\n- name: a\n  value: b', '{}', '[]'])(
    'is text when it is a map: %j',
    text => {
      expect(inlineOverride(text, '/d')?.source.text).toBe(text);
    },
  );

  it.each([
    'overrides.yaml',
    '/abs/o.yaml',
    'http://host/o.yaml',
    'file:///o.yaml',
    'dir with space/o',
    '5',
    '-',
    '',
  ])('is a path or address when it is not: %j', text => {
    expect(inlineOverride(text, '/d')).toBeUndefined();
  });

  it.each(['{name: a', 'a: b: c', '@x'])('that is no YAML is refused: %j', text => {
    expect(() => inlineOverride(text, '/d')).toThrow(
      expect.objectContaining({
        message: 'Cannot load descriptor',
        at: expect.objectContaining({ file: '--overrides', lineText: text }),
      }),
    );
  });

  it('is called by its flag, and shown, in errors', () => {
    const inline = inlineOverride('{labels: [{name: a, value: b}]}', '/d');
    expect(inline && readOverrides(inline, ignore).labels[0]?.value.at).toEqual({
      file: '--overrides',
      line: 1,
      column: 28,
      length: 1,
      lineText: '{labels: [{name: a, value: b}]}',
    });
  });
});

describe('merging', () => {
  // JSON is YAML, too, and sooner written and read.
  const read = (value: unknown) => readDescriptor(source(JSON.stringify(value)), ignore);
  const readOverride = (value: unknown) => readOverrides(source(JSON.stringify(value)), ignore);
  const overrides = validOverrides.map(override => ({ ...override, stage: undefined }));

  it('changes nothing with an empty override', () => {
    fc.assert(
      fc.property(validImages, descriptor => {
        const images = read(descriptor);
        expect(applyOverrides(images, [readOverride({})], ignore)).toEqual(images);
      }),
      { numRuns: 30 },
    );
  });

  it('is the same in one go and one after the other', () => {
    fc.assert(
      fc.property(validImages, overrides, overrides, (descriptor, one, other) => {
        const [first, second] = [readOverride(one), readOverride(other)];
        const images = read(descriptor);
        const stepwise = applyOverrides(applyOverrides(images, [first], ignore), [second], ignore);
        expect(applyOverrides(images, [first, second], ignore)).toEqual(stepwise);
      }),
      { numRuns: 30 },
    );
  });

  it('twice with the same override is as once, but for what it removes', () => {
    fc.assert(
      fc.property(validImages, overrides, (descriptor, override) => {
        const { remove: _remove, ...rest } = { remove: undefined, ...override };
        const once = applyOverrides(read(descriptor), [readOverride(rest)], ignore);
        expect(applyOverrides(once, [readOverride(rest)], ignore)).toEqual(once);
      }),
      { numRuns: 30 },
    );
  });

  it('has all that the override names, and nothing that neither names', () => {
    fc.assert(
      fc.property(validImages, overrides, (descriptor, given) => {
        const override = readOverride(given);
        const images = read(descriptor);
        const names = (image: Pick<RawImage, 'labels' | 'envs' | 'artifacts'>) =>
          [image.labels, image.envs, image.artifacts].map(
            items => new Set(items.map(({ name }) => name.text)),
          );
        const removed = [override.remove.labels, override.remove.envs, override.remove.artifacts].map(
          items => new Set(items.map(({ text }) => text)),
        );
        const [before, added] = [images.map(names)[0] ?? [], names(override)];
        const [after] = applyOverrides(images, [override], ignore).map(names);
        expect(after).toEqual(
          before.map((known, index) =>
            known.difference(removed[index] ?? new Set()).union(added[index] ?? new Set()),
          ),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('fails only where no image of the name is there', () => {
    fc.assert(
      fc.property(validImages, validOverrides, (descriptor, override) => {
        try {
          applyOverrides(read(descriptor), [readOverride(override)], ignore);
        } catch (error) {
          expect(error).toBeInstanceOf(AshlarError);
          expect(override).toHaveProperty('stage');
        }
      }),
      { numRuns: 30 },
    );
  });
});
