import { describe, expect, it } from 'vitest';
import { readDescriptor } from '../../../../src/recipes/cekit/descriptor/read.ts';
import { AshlarError, AshlarErrors } from '../../../../src/support/errors.ts';
import { renderError } from '../../../../src/support/excerpt.ts';
import { complaints, type FileKind, hints, ignore, listener, source } from './support.ts';

const head = 'name: n\nversion: "1"\n';
const enumeration = "['yum', 'dnf', 'microdnf', 'apk', 'apt-get']";

/** What one wrong line below name and version is answered: the text of CEKit, and the schema that says so. */
const mistakes: readonly (readonly [line: string, complaint: string, section: string])[] = [
  ['foo: 1', "3:1: Key 'foo' was not defined. Path: ''", 'Image'],
  ['1: 2', "3:1: Key '1' was not defined. Path: ''", 'Image'],
  ['execute: []', "3:1: Key 'execute' was not defined. Path: ''", 'Image'],
  ['from: [1]', "3:7: Value '[1]' is not of type 'str'. Path: '/from'", 'Image'],
  ['from: {a: 1}', "3:7: Value '{'a': 1}' is not of type 'str'. Path: '/from'", 'Image'],
  ['follow_tag: 5', "3:13: Value '5' is not of type 'str'. Path: '/follow_tag'", 'Image'],
  ['release: no', "3:10: Value 'False' is not of type 'text'. Path: '/release'", 'Image'],
  ['description: yes', "3:14: Value 'True' is not of type 'text'. Path: '/description'", 'Image'],
  ['schema_version: "1"', "3:17: Value '1' is not of type 'int'. Path: '/schema_version'", 'Image'],
  ['schema_version: true', "3:17: Value 'True' is not of type 'int'. Path: '/schema_version'", 'Image'],
  ['schema_version: 1.0', "3:17: Value '1.0' is not of type 'int'. Path: '/schema_version'", 'Image'],
  ['help: x', "3:7: Value 'x' is not a dict. Value path: '/help'", 'Image'],
  ['help: {add: 1}', "3:13: Value '1' is not of type 'bool'. Path: '/help/add'", 'Image'],
  ['help: {foo: 1}', "3:8: Key 'foo' was not defined. Path: '/help'", 'Image'],
  ['labels: {a: b}', "3:9: Value '{'a': 'b'}' is not a list. Value path: '/labels'", 'Label'],
  ['labels: [a]', "3:10: labels[0]: Value 'a' is not a dict. Value path: ''", 'Label'],
  ['labels: [~]', "3:10: labels[0]: Value 'None' is not a dict. Value path: ''", 'Label'],
  ['labels: [{name: a}]', "3:10: labels[0]: Cannot find required key 'value'. Path: ''", 'Label'],
  [
    'labels: [{name: a, value: 5}]',
    "3:27: labels[0]: Value '5' is not of type 'str'. Path: '/value'",
    'Label',
  ],
  ['labels: [{name: a, value: }]', "3:20: labels[0]: required.novalue : '/value'", 'Label'],
  [
    'labels: [{name: a, value: b}, {name: a, value: b}, {name: a, value: b, foo: c}]',
    "3:72: labels[2]: Key 'foo' was not defined. Path: ''",
    'Label',
  ],
  ['envs: [{value: 1}]', "3:8: envs[0]: Cannot find required key 'name'. Path: ''", 'Env'],
  ['envs: [{name: 1}]', "3:15: envs[0]: Value '1' is not of type 'str'. Path: '/name'", 'Env'],
  [
    'envs: [{name: a, description: 1}]',
    "3:31: envs[0]: Value '1' is not of type 'str'. Path: '/description'",
    'Env',
  ],
  ['args: [{name: a, value: 1}]', "3:25: args[0]: Value '1' is not of type 'str'. Path: '/value'", 'Arg'],
  ['args: [{name: a, foo: 1}]', "3:18: args[0]: Key 'foo' was not defined. Path: ''", 'Arg'],
  ['ports: [80]', "3:9: ports[0]: Value '80' is not a dict. Value path: ''", 'Port'],
  ['ports: [{}]', "3:9: ports[0]: Cannot find required key 'value'. Path: ''", 'Port'],
  [
    'ports: [{value: 8080/tcp}]',
    "3:17: ports[0]: Value '8080/tcp' is not of type 'int'. Path: '/value'",
    'Port',
  ],
  [
    'ports: [{value: 65536}]',
    "3:17: ports[0]: Value '65536' is not the number of a port. Path: '/value'",
    'Port',
  ],
  ['ports: [{value: -1}]', "3:17: ports[0]: Value '-1' is not the number of a port. Path: '/value'", 'Port'],
  ['ports: [{value: 1.5}]', "3:17: ports[0]: Value '1.5' is not of type 'int'. Path: '/value'", 'Port'],
  [
    'ports: [{value: 1, expose: 1}]',
    "3:28: ports[0]: Value '1' is not of type 'bool'. Path: '/expose'",
    'Port',
  ],
  ['volumes: [{name: a}]', "3:11: volumes[0]: Cannot find required key 'path'. Path: ''", 'Volume'],
  ['run: x', "3:6: run: Value 'x' is not a dict. Value path: ''", 'Run'],
  ['run: {cmd: x}', "3:12: run: Value 'x' is not a list. Value path: '/cmd'", 'Run'],
  ['run: {cmd: [a, 60]}', "3:16: run: Value '60' is not of type 'str'. Path: '/cmd/1'", 'Run'],
  ['run: {entrypoint: [~]}', "3:20: run: Value 'None' is not of type 'str'. Path: '/entrypoint/0'", 'Run'],
  ['run: {user: yes}', "3:13: run: Value 'True' is not of type 'text'. Path: '/user'", 'Run'],
  ['run: {workdir: 1}', "3:16: run: Value '1' is not of type 'str'. Path: '/workdir'", 'Run'],
  ['modules: []', "3:10: modules: Value '[]' is not a dict. Value path: ''", 'Modules'],
  ['modules: {foo: 1}', "3:11: modules: Key 'foo' was not defined. Path: ''", 'Modules'],
  ['modules: {install: x}', "3:20: modules: Value 'x' is not a list. Value path: '/install'", 'Modules'],
  ['modules: {install: [x]}', "3:21: modules.install[0]: Value 'x' is not a dict. Value path: ''", 'Install'],
  [
    'modules: {install: [{name: a, version: 1.0}]}',
    "3:40: modules.install[0]: Value '1.0' is not of type 'str'. Path: '/version'",
    'Install',
  ],
  [
    'modules: {repositories: [{path: 5}]}',
    "3:33: modules.repositories[0]: Value '5' is not of type 'str'. Path: '/path'",
    '_PathResource',
  ],
  [
    'modules: {repositories: [{git: {url: u}}]}',
    "3:32: modules.repositories[0]: Cannot find required key 'ref'. Path: '/git'",
    '_GitResource',
  ],
  [
    'packages: {manager: zypper}',
    `3:21: packages: Enum 'zypper' does not exist. Path: '/manager' Enum: ${enumeration}`,
    'Packages',
  ],
  [
    'packages: {manager: 5}',
    `3:21: packages: Enum '5' does not exist. Path: '/manager' Enum: ${enumeration}`,
    'Packages',
  ],
  ['packages: {install: x}', "3:21: packages: Value 'x' is not a list. Value path: '/install'", 'Packages'],
  [
    'packages: {install: [a, [b]]}',
    "3:25: packages: Value '['b']' is not of type 'text'. Path: '/install/1'",
    'Packages',
  ],
  [
    'packages: {manager_flags: 5}',
    "3:27: packages: Value '5' is not of type 'str'. Path: '/manager_flags'",
    'Packages',
  ],
  [
    'packages: {content_sets: {x86_64: a}}',
    "3:35: packages: Value 'a' is not a list. Value path: '/content_sets/x86_64'",
    'Packages',
  ],
  [
    'packages: {repositories: [{id: a}]}',
    "3:27: packages.repositories[0]: Cannot find required key 'name'. Path: ''",
    'Repository',
  ],
  [
    'packages: {repositories: [{name: a, url: x}]}',
    "3:42: packages.repositories[0]: Value 'x' is not a dict. Value path: '/url'",
    'Repository',
  ],
  [
    'packages: {repositories: [{name: a, url: {gpg: 6}}]}',
    "3:43: packages.repositories[0]: Key 'gpg' was not defined. Path: '/url'",
    'Repository',
  ],
  ['osbs: {foo: 1}', "3:8: osbs: Key 'foo' was not defined. Path: ''", 'Osbs'],
  ['osbs: {koji_target: 1}', "3:21: osbs: Value '1' is not of type 'str'. Path: '/koji_target'", 'Osbs'],
  [
    'osbs: {repository: {foo: 1}}',
    "3:21: osbs.repository: Key 'foo' was not defined. Path: ''",
    'Repository',
  ],
  [
    'osbs: {configuration: {gating: x}}',
    "3:24: osbs.configuration: Key 'gating' was not defined. Path: ''",
    'Configuration',
  ],
  ['artifacts: x', "3:12: Value 'x' is not a list. Value path: '/artifacts'", 'Image'],
  ['artifacts: [{path: }]', "3:14: artifacts[0]: required.novalue : '/path'", '_PathResource'],
  [
    'artifacts: [{path: a, md5: 5}]',
    "3:28: artifacts[0]: Value '5' is not of type 'str'. Path: '/md5'",
    '_PathResource',
  ],
  [
    'artifacts: [{path: a, url: b}]',
    "3:23: artifacts[0]: Key 'url' was not defined. Path: ''",
    '_PathResource',
  ],
  [
    'artifacts: [{url: "http://a/b", foo: c}]',
    "3:33: artifacts[0]: Key 'foo' was not defined. Path: ''",
    '_UrlResource',
  ],
  [
    'artifacts: [{git: x}]',
    "3:19: artifacts[0]: Value 'x' is not a dict. Value path: '/git'",
    '_GitResource',
  ],
  [
    'artifacts: [{git: {url: a, ref: b}, dest: c}]',
    "3:37: artifacts[0]: Key 'dest' was not defined. Path: ''",
    '_GitResource',
  ],
  [
    'artifacts: [{md5: a}]',
    "3:13: artifacts[0]: Cannot find required key 'name'. Path: ''",
    '_PlainResource',
  ],
  [
    'artifacts: [{name: a, md5: b, source-sha512: c}]',
    "3:31: artifacts[0]: Key 'source-sha512' was not defined. Path: ''",
    '_PlainResource',
  ],
  [
    'artifacts: [{image: a, path: b, md5: c}]',
    "3:33: artifacts[0]: Key 'md5' was not defined. Path: ''",
    '_ImageContentResource',
  ],
  [
    'artifacts: [{image: a}]',
    "3:13: artifacts[0]: Cannot find required key 'path'. Path: ''",
    '_ImageContentResource',
  ],
  [
    'artifacts: [{pnc_build_id: a}]',
    "3:13: artifacts[0]: Cannot find required key 'pnc_artifact_id'. Path: ''",
    '_PncResource',
  ],
  [
    'artifacts: [{path: a, mode: 0999}]',
    "3:29: artifacts[0]: Value '0999' is not a file mode like 0755. Path: '/mode'",
    '_PathResource',
  ],
  [
    'artifacts: [{path: a, owner: jboss}]',
    "3:30: artifacts[0]: Value 'jboss' is not an owner like 1001 or 1001:0. Path: '/owner'",
    '_PathResource',
  ],
  [
    'artifacts: [{path: a, uid: -1}]',
    "3:28: artifacts[0]: Value '-1' is not the number of a user or group. Path: '/uid'",
    '_PathResource',
  ],
];

/** Mistakes that no schema is named for. */
const contradictions: readonly (readonly [line: string, complaint: string])[] = [
  [
    'packages: {repositories: [{name: r1, id: a, rpm: b}]}',
    "3:45: packages.repositories[0]: Repository 'r1' is invalid, you can use only one of ['id', 'rpm', 'url']",
  ],
  [
    'packages: {repositories: [{name: r1, id: a, rpm: b, url: {repository: c}}]}',
    "3:45: packages.repositories[0]: Repository 'r1' is invalid, you can use only one of ['id', 'rpm', 'url']",
  ],
  [
    'packages: {content_sets: {}, content_sets_file: a}',
    "3:30: packages: You cannot specify 'content_sets' and 'content_sets_file' together in the packages section!",
  ],
  [
    'osbs: {configuration: {container: {}, container_file: a}}',
    '3:39: osbs.configuration: You cannot specify container and container_file together!',
  ],
  [
    'artifacts: [{name: n, target: x}]',
    "3:13: artifacts[0]: Unable to determine whether a URL/Git/Plain or PNC resource so '{'name': 'n', 'target': 'x'}' is not supported",
  ],
  [
    'modules: {repositories: [{url: x}]}',
    "3:26: modules.repositories[0]: Unable to determine whether a URL/Git/Plain or PNC resource so '{'url': 'x'}' is not supported",
  ],
  [
    'artifacts: [{path: /}]',
    "3:13: artifacts[0]: no value found for 'name' in '{'path': '/'}' artifact; unable to generate default value",
  ],
  [
    'artifacts: [{pnc_build_id: a, pnc_artifact_id: b}]',
    "3:13: artifacts[0]: no value found for 'name' in '{'pnc_build_id': 'a', 'pnc_artifact_id': 'b'}' artifact; unable to generate default value",
  ],
  [
    'artifacts: [{path: a, gid: 1, owner: "1"}]',
    '3:31: artifacts[0]: You cannot specify owner and gid together!',
  ],
];

describe('what is wrong with a descriptor', () => {
  it.each(mistakes)('%s is told in the words of CEKit', (line, complaint, section) => {
    expect(complaints('image', head + line)).toEqual([complaint, `Cannot validate schema: ${section}`]);
  });

  it.each(contradictions)('%s is refused', (line, complaint) => {
    expect(complaints('image', head + line)).toEqual([complaint]);
  });

  const wholes: readonly (readonly [kind: FileKind, text: string, ...complaints: string[]])[] = [
    [
      'image',
      'from: x',
      "1:1: Cannot find required key 'name'. Path: ''",
      "1:1: Cannot find required key 'version'. Path: ''",
      'Cannot validate schema: Image',
    ],
    ['image', 'name:\nversion: 1', "1:1: required.novalue : '/name'", 'Cannot validate schema: Image'],
    [
      'image',
      'name: n\nversion: yes',
      "2:10: Value 'True' is not of type 'text'. Path: '/version'",
      'Cannot validate schema: Image',
    ],
    [
      'image',
      'name: 5\nversion: 2020-01-01',
      "1:7: Value '5' is not of type 'str'. Path: '/name'",
      "2:10: Value '2020-01-01' is not of type 'text'. Path: '/version'",
      'Cannot validate schema: Image',
    ],
    ['image', 'text', "1:1: Value 'text' is not a dict. Value path: ''", 'Cannot validate schema: Image'],
    [
      'image',
      '- {name: a, version: 1}\n- {name: b}\n- ~\n- {name: c, version: 1, ports: [{value: a}]}',
      "2:3: [1]: Cannot find required key 'version'. Path: ''",
      "3:3: [2]: Value 'None' is not a dict. Value path: ''",
      "4:41: [3].ports[0]: Value 'a' is not of type 'int'. Path: '/value'",
      'Cannot validate schema: Image\nCannot validate schema: Port',
    ],
    ['image', '', '1:1: the descriptor is empty'],
    ['image', '# nothing', '1:1: the descriptor is empty'],
    ['image', '[]', '1:1: the descriptor lists no image'],
    ['image', 'a: b: c', '1:4: Cannot load descriptor'],
    ['image', 'name: n\n\tversion: 1', '2:1: Cannot load descriptor'],
    ['image', '- a\n---\n- b', '2:1: Cannot load descriptor'],
    ['image', '*a', '1:1: Cannot load descriptor'],
    ['image', 'l: {from: {type: scratch}}', '1:1: this is a stacker file, no CEKit descriptor'],
    ['module', '', '1:1: the descriptor is empty'],
    [
      'module',
      '{name: m, version: 1, execute: [{}, {script: 5}, x]}',
      "1:33: execute[0]: Cannot find required key 'script'. Path: ''",
      "1:46: execute[1]: Value '5' is not of type 'str'. Path: '/script'",
      "1:50: execute[2]: Value 'x' is not a dict. Value path: ''",
      'Cannot validate schema: Execute',
    ],
    [
      'module',
      '{name: m, version: 1, bogus: 1}',
      "1:23: Key 'bogus' was not defined. Path: ''",
      'Cannot validate schema: Module',
    ],
    ['module', '[]', "1:1: Value '[]' is not a dict. Value path: ''", 'Cannot validate schema: Module'],
    [
      'overrides',
      '{bogus: 1}',
      "1:2: Key 'bogus' was not defined. Path: ''",
      'Cannot validate schema: Overrides',
    ],
    [
      'overrides',
      '{execute: []}',
      "1:2: Key 'execute' was not defined. Path: ''",
      'Cannot validate schema: Overrides',
    ],
    [
      'overrides',
      '{labels: [{name: x, value: ~}]}',
      "1:21: labels[0]: required.novalue : '/value'",
      'Cannot validate schema: Label',
    ],
    [
      'overrides',
      '{remove: {run: [user]}}',
      "1:11: remove: Key 'run' was not defined. Path: ''",
      'Cannot validate schema: Remove',
    ],
  ];
  it.each(wholes.map(([kind, text, ...expected]) => ({ kind, text, expected })))('$kind $text', given => {
    const { kind, text, expected } = given;
    expect(complaints(kind, text)).toEqual(expected);
  });

  it('is told all at once, each schema named once', () => {
    const text = `${head}foo: 1
labels: [{name: a, value: 1}, {name: b, value: 2}]
packages: {manager: zypper, content_sets: {}, content_sets_file: a}
run: {cmd: x, user: yes}`;
    expect(complaints('image', text)).toEqual([
      "3:1: Key 'foo' was not defined. Path: ''",
      "4:27: labels[0]: Value '1' is not of type 'str'. Path: '/value'",
      "4:48: labels[1]: Value '2' is not of type 'str'. Path: '/value'",
      `5:21: packages: Enum 'zypper' does not exist. Path: '/manager' Enum: ${enumeration}`,
      "5:47: packages: You cannot specify 'content_sets' and 'content_sets_file' together in the packages section!",
      "6:12: run: Value 'x' is not a list. Value path: '/cmd'",
      "6:21: run: Value 'True' is not of type 'text'. Path: '/user'",
      'Cannot validate schema: Image\nCannot validate schema: Label\nCannot validate schema: Packages\nCannot validate schema: Run',
    ]);
  });

  it('looks in a terminal like one error after the other', () => {
    let shown = '';
    try {
      readDescriptor(source(`${head}foo: 1\nlabels: [{name: a, value: 1}]`, '/no/such/image.yaml'), ignore);
    } catch (error) {
      expect(error).toBeInstanceOf(AshlarErrors);
      if (error instanceof AshlarError) shown = renderError(error, { color: false });
    }
    expect(shown).toBe(`error: Key 'foo' was not defined. Path: ''
  --> /no/such/image.yaml:3:1
error: labels[0]: Value '1' is not of type 'str'. Path: '/value'
  --> /no/such/image.yaml:4:27
hint: put it in quotes: "1"
error: Cannot validate schema: Image
  Cannot validate schema: Label`);
  });

  it('is told of so much as somebody reads, and counted', () => {
    const said = complaints('image', `${head}labels: [${'{name: a, value: 1}, '.repeat(200)}]`);
    expect(said).toHaveLength(51);
    expect(said.at(-1)).toBe('200 errors\nCannot validate schema: Label');
  });

  it('is counted where no schema is named for it', () => {
    expect(complaints('image', `${head}artifacts: [a, b]`).at(-1)).toBe('2 errors');
  });

  it('shortens what would fill the terminal', () => {
    const [first = ''] = complaints('image', `${head}from: [${'a, '.repeat(1000)}]`);
    expect(first.length).toBeLessThan(300);
    expect(first).toContain("…' is not of type 'str'. Path: '/from'");
  });
});

describe('hints', () => {
  const cases: readonly (readonly [line: string, hint: string | undefined])[] = [
    ['nmae: x', 'did you mean "name"?'],
    ['lables: []', 'did you mean "labels"?'],
    ['quux: []', undefined],
    ['execute: []', 'scripts belong to modules: put it into the module.yaml of one and install that'],
    ['scripts: []', 'scripts belong to modules: put it into the module.yaml of one and install that'],
    ['sources: []', 'what dogen called sources are `artifacts`'],
    ['dogen: {}', 'it is for dogen and has no meaning any more'],
    ['cmd: [a]', 'it belongs below `run`'],
    ['user: a', 'it belongs below `run`'],
    ['install: [a]', 'it belongs below `modules` or `packages`'],
    ['run: {labels: []}', 'it belongs to the top level: check the indentation'],
    ['run: {entrypont: []}', 'did you mean "entrypoint"?'],
    ['modules: {install: [{name: a, version: 1.10}]}', 'put it in quotes: "1.10"'],
    ['labels: [{name: a, value: yes}]', 'put it in quotes: "yes"'],
    ['from: 2020-01-01', 'put it in quotes: "2020-01-01"'],
    ['from: [a]', undefined],
    ['labels: [{name: a, value: }]', 'an empty text is written value: ""'],
    ['ports: [{value: }]', undefined],
    ['ports: [{value: 53/udp}]', 'write the number alone, and the protocol as a key: protocol: udp'],
    ['ports: [{value: "53"}]', 'write it without quotes: 53'],
    ['ports: [{value: 80-90}]', undefined],
    ['ports: [{value: 80, expose: "true"}]', 'write true or false, without quotes'],
    ['run: {cmd: sleep 60}', 'write it as a list: ["sleep 60"]'],
    ['labels: {a: b}', 'begin each entry with "- "'],
    ['volumes: [/data]', 'write it as a map: path: /data'],
    ['volumes: [null]', undefined],
    ['modules: {install: [a]}', 'write it as a map: name: a'],
    ['modules: {repositories: [modules]}', 'it needs one of `path`, `git`'],
    ['packages: {manager: dfn}', 'did you mean "dnf"?'],
    ['packages: {manager: zypper}', undefined],
    [
      'artifacts: [{image: a, path: b, md5: c}]',
      'it belongs to artifacts with `path` or `url` or a checksum; this one has `image`',
    ],
    [
      'artifacts: [{path: a, source-url: b}]',
      'it belongs to artifacts with `url` or a checksum; this one has `path`',
    ],
    ['artifacts: [{path: a, traget: b}]', 'did you mean "target"?'],
    ['artifacts: [{path: /}]', 'give it a `name`'],
  ];
  it.each(cases)('%s: %s', (line, hint) => {
    expect(hints('image', head + line)).toEqual([hint]);
  });
});

describe('warnings', () => {
  it('tell of a key that is given twice, of which the last counts', () => {
    const heard = listener();
    const [image] = readDescriptor(source('name: a\nname: b\nversion: "1"\nrun: {user: x, user: y}'), heard);
    expect(heard.warnings.map(({ message, at }) => [message, at?.line])).toEqual([
      ["'name' is given twice, the last one counts", 2],
      ["'user' is given twice, the last one counts", 4],
    ]);
    expect([image?.name.text, image?.run.user?.text]).toEqual(['b', 'y']);
  });

  it('tell of numbers of base 60 that look like user and group', () => {
    const heard = listener();
    const [image] = readDescriptor(source(`${head}run: {user: 185:0}`), heard);
    expect(heard.warnings.map(({ message }) => message)).toEqual([
      '185:0 is the number 11100 here: put it in quotes',
    ]);
    expect(image?.run.user?.text).toBe('11100');
  });

  it('are silent about the same in quotes', () => {
    const heard = listener();
    const [image] = readDescriptor(source(`${head}run: {user: "185:0"}`), heard);
    expect(heard.warnings).toEqual([]);
    expect(image?.run.user?.text).toBe('185:0');
  });
});
