import { describe, expect, it } from 'vitest';
import { failure, layer } from './load.ts';

/** Directives of one layer, the literal message, and what stands at the reported place. */
const cases: readonly (readonly [directives: string, message: string | RegExp, at: string])[] = [
  ['frm: x', 'stackerfile: unknown directive frm', 'frm: x'],
  ['5: x', 'stackerfile: unknown directive 5', '5: x'],

  ['from:', 'invalid layer: no base (from directive)', 'l:'],
  ['from: docker', /^'from' expected a map, found string/, 'docker'],
  ['from: {type: dokcer, url: x}', 'unknown layer type: dokcer', 'dokcer'],
  ['from: {url: x}', 'unknown layer type: ', '{url'],
  ['from: {type: docker, foo: x}', 'stackerfile: unknown image source directive foo', 'foo'],
  ['from: {type: built}', "l: from tag cannot be empty for image type 'built'", '{type'],
  ['from: {type: docker}', "l: from url cannot be empty for image type 'docker'", '{type'],
  ['from: {type: tar, url: ""}', "l: from url cannot be empty for image type 'tar'", '{type'],
  ['from: {type: oci, url: oci}', 'bad OCI tag: oci', 'oci}'],
  ['from: {type: docker, url: "oci:layout"}', 'bad OCI tag: layout', '"oci'],
  ['from: {type: docker, url: "docker-daemon:"}', 'no image is named in docker-daemon:', '"docker'],
  ['from: {type: docker, url: debian}', 'unknown image source type: debian', 'debian'],
  ['from: {type: docker, url: "docker://Debian"}', /^bad image reference .*lower case/, '"docker'],
  ['from: {type: docker, url: "docker://a", insecure: 5}', /^'insecure' expected true or false/, '5}'],
  ['from: {type: tar, url: "ftp://a/b"}', 'unsupported url scheme ftp://a/b', '"ftp'],
  ['from: {type: tar, url: a.tar, hash: 12}', 'Given hash 12 is not valid', '12}'],

  ['layers: [{type: built, tag: a}]', "'layers' needs a stack in 'from'", 'layers:'],
  ['conflicts: error', "'conflicts' needs a stack in 'from'", 'conflicts:'],
  ['from: {type: built, tag: a, library_cache: drop}', "'library_cache' needs a stack in 'from'", 'library'],
  ['from: {type: stack}', "l: from layers cannot be empty for image type 'stack'", '{type'],
  ['from: {type: stack}\nlayers:', "l: from layers cannot be empty for image type 'stack'", '{type'],
  ['from: {type: stack, layers: []}', "l: from layers cannot be empty for image type 'stack'", '[]'],
  ['from: []', "l: from layers cannot be empty for image type 'stack'", '[]'],
  ['from: {type: stack}\nlayers: a', /^'layers' expected a list, found string/, 'a'],
  [
    'from: [{type: scratch}]\nlayers: []',
    "'layers' and a list in 'from' are two lists of what is stacked",
    '[]',
  ],
  [
    'from: {type: stack, layers: []}\nlayers: [{type: scratch}]',
    "'layers' is given twice, in 'from' and beside it",
    'layers: [{',
  ],
  ['from: [a]', 'a part of a stack expected a map, found string: "a"', 'a]'],
  ['from: [{type: stack, layers: []}]', 'a stack cannot be part of a stack', 'stack,'],
  ['from: [{type: buil, tag: a}]', 'unknown layer type: buil', 'buil,'],
  ['from: [{type: built}]', "l: from tag cannot be empty for image type 'built'", '{type'],
  ['from: [{type: scratch, conflicts: last}]', "'conflicts' needs a stack in 'from'", 'conflicts'],
  ['from: [{type: scratch, foo: x}]', 'stackerfile: unknown image source directive foo', 'foo'],
  [
    'from: [{type: scratch}]\nconflicts: frist',
    "'conflicts' expected one of error, warn, last, first, found frist",
    'frist',
  ],
  [
    'from: [{type: scratch}]\nconflicts: {/etc/**: lats}',
    "'conflicts./etc/**' expected one of error, warn, last, first, found lats",
    'lats',
  ],
  [
    'from: [{type: scratch}]\nconflicts: {etc/**: last}',
    "'conflicts' expected a pattern of absolute paths, found etc/**",
    'etc/**',
  ],
  [
    'from: [{type: scratch}]\nconflicts: [last]',
    `'conflicts' expected one of error, warn, last, first, found ["last"]`,
    '[last]',
  ],
  [
    'from: [{type: scratch}]\nlibrary_cache: regenrate',
    "'library_cache' expected one of regenerate, drop, found regenrate",
    'regenrate',
  ],

  ['apply: docker://a', /^'apply' expected a list, found string/, 'docker'],
  ['apply: [""]', `an entry of 'apply' needs an image: ""`, '""'],
  ['apply: [{insecure: true}]', `an entry of 'apply' needs an image: {"insecure": true}`, '{insecure'],
  ['apply: [[a]]', `an entry of 'apply' needs an image: ["a"]`, '[a]'],
  ['apply: [{url: docker://a, tag: b}]', 'stackerfile: unknown apply directive tag', 'tag'],
  ['apply: [debian]', 'unknown image source type: debian', 'debian'],
  ['apply: [{url: "oci:layout"}]', 'bad OCI tag: layout', '"oci'],

  ['imports: {path: a}', `'imports' expected an array, found map: {"path": "a"}`, '{path'],
  ['import: 5', "'imports' expected an array, found int: 5", '5'],
  ['imports: [5]', 'could not read imports entry: 5', '5]'],
  ['imports: [[a]]', 'could not read imports entry: ["a"]', '[a]'],
  ['imports: [null]', 'could not read imports entry: null', 'null'],
  ['imports: [{dest: /a}]', `No 'path' entry found in import: {"dest": "/a"}`, '{dest'],
  ['imports: [{path: a, 5: b}]', `key '5' in import is not a string: {"path": "a", 5: "b"}`, '5: b'],
  ['imports: [{path: 5}]', `value for 'path' in import is not a string: {"path": 5}`, '5}'],
  ['imports: [{path: a, hash: 5}]', /^value for 'hash' in import is not a string: /, '5}'],
  ['imports: [{path: a, dest: [x]}]', /^value for 'dest' in import is not a string: /, '[x]'],
  ['imports: [{path: a, mode: "0755"}]', /^value for 'mode' in import is not an integer: /, '"0755"'],
  ['imports: [{path: a, mode: 0999}]', /^value for 'mode' in import is not an integer: /, '0999'],
  ['imports: [{path: a, mode: 010000}]', /^'mode' \(4096\) is not a file mode: /, '010000'],
  ['imports: [{path: a, uid: x}]', /^value for 'uid' in import is not an integer: /, 'x}'],
  ['imports: [{path: a, gid: 1.5}]', /^value for 'gid' in import is not an integer: /, '1.5'],
  ['imports: [{path: a, uid: -1}]', `'uid' (-1) cannot be negative: {"path": "a", "uid": -1}`, '-1'],
  ['imports: [{path: a, gid: -2}]', `'gid' (-2) cannot be negative: {"path": "a", "gid": -2}`, '-2'],
  ['imports: [{path: a, gid: 4294967295}]', /^'gid' \(4294967295\) is too large: /, '4294967295'],
  ['imports: [{path: a, dest: x}]', `'dest' path cannot be relative for: {"path": "a", "dest": "x"}`, 'x}'],
  ['imports: [ftp://a/b]', 'unsupported url scheme ftp://a/b', 'ftp'],
  ['imports: [{path: a, hash: abc}]', 'Given hash abc is not valid', 'abc}'],
  ['imports: [http://host/]', 'import has no file name: http://host/', 'http'],
  ['imports: [/]', 'import has no file name: /', '/]'],
  ['imports: ["stacker:///a"]', 'no layer is named in stacker:///a', '"stacker'],
  ['imports: ["http://a b/c"]', 'not a valid address: http://a b/c', '"http'],
  ['import: [a]\nimports: [b]', "layer 'l' cannot have both 'import' and 'imports'", 'import: [a]'],

  ['overlay_dirs: /a', /^'overlay_dirs' expected a list, found string/, '/a'],
  ['overlay_dirs: [/a]', `an entry of 'overlay_dirs' needs a source: "/a"`, '/a]'],
  ['overlay_dirs: [{dest: /a}]', /^an entry of 'overlay_dirs' needs a source/, '{dest'],

  ['run: 5', 'unknown directive type: int', '5'],
  ['run: {a: b}', 'unknown directive type: map', '{a'],
  ['run: [true]', 'unknown run array type: bool', 'true'],
  ['run: [a, {b: c}]', 'unknown run array type: map', '{b'],
  ['cmd: yes', 'unknown directive type: bool', 'yes'],
  ['entrypoint: [1.5]', 'unknown run array type: float', '1.5'],
  ['full_command: [null]', 'unknown run array type: null', 'null'],
  [`cmd: 'a "b'`, 'No closing quotation', "'a"],
  ["entrypoint: 'a \\'", 'No escaped character', "'a"],

  ['binds: ["a b"]', 'invalid Bind: a b', '"a b"'],
  ['binds: ["a -> b c"]', 'invalid Bind: a -> b c', '"a ->'],
  ['binds: ["a ->"]', 'invalid Bind: a ->', '"a ->'],
  ['binds: [""]', 'invalid Bind: ', '""'],
  ['binds: [{dest: /a}]', `unexpected 'bind': missing required field 'source': {"dest": "/a"}`, '{dest'],
  ['binds: [5]', "unexpected 'bind' data of type: int: 5", '5]'],
  ['binds: [[a]]', `unexpected 'bind' data of type: list: ["a"]`, '[a]'],
  ['binds: [{source: [a]}]', /^'path' expected text, found list/, '[a]'],

  ['environment: [A=b]', /^'environment' expected a map, found list/, '[A'],
  ['environment: {A: {b: c}}', /^'environment.A' expected text, found map/, '{b'],
  ['environment: {"A=b": c}', "'=' in the name of a variable: A=b", '"A=b"'],
  ['build_env: {"": c}', /^'build_env' expected a name for each entry/, '"": c'],
  ['labels: {? [a] : b}', /^'labels' expected a name for each entry/, '[a]'],
  ['annotations: x', /^'annotations' expected a map, found string/, 'x'],
  ['volumes: {/a: {}}', /^'volumes' expected a list, found map/, '{/a'],
  ['working_dir: [a]', /^'working_dir' expected text, found list/, '[a]'],
  ['user: root\nruntime_user: "0"', "'user' (root) and 'runtime_user' (0) differ", '"0"'],
  ['build_only: "true"', /^'build_only' expected true or false, found string/, '"true"'],
  ['build_env_passthrough: A.*', /^'build_env_passthrough' expected a list/, 'A.*'],
  ['build_env_passthrough: ["("]', 'not a regular expression: (', '"("'],
  ['os:', 'stackerfile: "os" value cannot be empty', 'os:'],
  ['arch: ""', 'stackerfile: "arch" value cannot be empty', 'arch:'],
];

describe('a mistake in a directive', () => {
  it.each(cases)('%s', async (directives, message, at) => {
    const text = layer(directives);
    const { error, directory } = await failure(text);
    if (typeof message === 'string') expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
    expect(error.at?.file).toBe(`${directory}/stacker.yaml`);
    const line = text.split('\n')[(error.at?.line ?? 0) - 1] ?? '';
    expect(line.slice((error.at?.column ?? 0) - 1)).toSatisfy((found: string) => found.startsWith(at));
  });

  it('suggests what was probably meant', async () => {
    expect((await failure(layer('frm: x'))).error.hint).toBe('did you mean "from"?');
    expect((await failure(layer('improts: x'))).error.hint).toBe('did you mean "imports"?');
    expect((await failure(layer('from: {type: dokcer}'))).error.hint).toBe('did you mean "docker"?');
    expect((await failure(layer('from: {type: docker, url: debian:12}'))).error.hint).toBe(
      'did you mean "docker://debian:12"?',
    );
    expect((await failure(layer('run: [true]'))).error.hint).toBe('put it in quotes: "true"');
  });
});

describe('a mistake in a file', () => {
  const scratch = 'from: {type: scratch}';

  it.each([
    ['a:b', "using ':' in the layer name (a:b) is forbidden due to overlay constraints"],
    ['a b', 'layer name "a b" cannot be the name of an image'],
    ['..', 'layer name ".." cannot be the name of an image'],
    ['a/../b', 'layer name "a/../b" cannot be the name of an image'],
    ['', 'layer name "" cannot be the name of an image'],
    ['x'.repeat(129), `layer name "${'x'.repeat(129)}" cannot be the name of an image`],
  ])('refuses the layer name %j', async (name, message) => {
    const { error } = await failure(`${JSON.stringify(name)}: {${scratch}}\n`);
    expect(error.message).toBe(message);
    expect(error.at).toMatchObject({ line: 1, column: 1 });
  });

  it.each([
    ['1.10', '1.1'],
    ['yes', 'true'],
    ['5', '5'],
    ['~', 'null'],
    ['[a]', '["a"]'],
  ])('refuses a layer named %s, which is not a string', async (name, shown) => {
    const { error } = await failure(`? ${name}\n: {${scratch}}\n`);
    expect(error.message).toBe(`stackerfile: cannot cast ${shown} to string`);
    expect(error.hint).toBe(name === '[a]' ? undefined : `put the name of the layer in quotes: "${name}"`);
  });

  it.each(['text', '[a]', '5', ''])('refuses %j in the place of the directives of a layer', async value => {
    const { error } = await failure(`l: ${value}\n`);
    expect(error.message).toMatch(/^layer 'l' expected a map of directives, found (string|list|int|null): /);
    expect(error.at?.line).toBe(1);
  });

  it('refuses two layers of one name, in one file or in two', async () => {
    const one = await failure(`a: {${scratch}}\nb: {${scratch}}\na: {${scratch}}\n`);
    expect(one.error.message).toBe('duplicate layer name: both stacker.yaml and stacker.yaml have a');
    expect(one.error.at).toMatchObject({ line: 3, column: 1 });

    const files = { 'x.yaml': `a: {${scratch}}`, 'y.yaml': `\na: {${scratch}}` };
    const two = await failure(files, { files: ['x.yaml', 'y.yaml'] });
    expect(two.error.message).toBe('duplicate layer name: both x.yaml and y.yaml have a');
    expect(two.error.at).toMatchObject({ file: `${two.directory}/y.yaml`, line: 2, column: 1 });
  });

  it('is reported when there is no file', async () => {
    const { error } = await failure({}, { files: ['stacker.yaml'] });
    expect(error.message).toBe("couldn't read stacker file");
    expect(String(error.cause)).toContain('ENOENT');
  });

  it('is reported with place and reason when the text is not YAML', async () => {
    const { error } = await failure('l:\n  from: {type: scratch\n  run: x\n');
    expect(error.message).toBe("couldn't parse stacker file stacker.yaml");
    expect(error.at?.line).toBe(3);
    expect(error.cause).toMatchObject({ name: 'AshlarError' });
  });

  it.each(['text', '[a, b]', '5'])('is reported when the file is %s and not a map', async text => {
    const { error } = await failure(text);
    expect(error.message).toBe("couldn't parse stacker file stacker.yaml");
    expect(String(error.cause)).toMatch(/expected a map of layers, found (string|list|int)/);
  });

  it('is reported when the bytes are not UTF-8', async () => {
    const { error } = await failure({ 'stacker.yaml': 'l: {}' }, { files: ['/dev/null', '/bin/true'] });
    expect(error.message).toBe("couldn't parse stacker file /bin/true");
  });

  it("says clearly that the tab in the seed's example of binds is not allowed", async () => {
    const { error } = await failure(
      'l:\n    from: {type: scratch}\n    binds:\n        - /foo/bar -> /bar/baz\n\t- /zomg\n',
    );
    expect(error.message).toBe("couldn't parse stacker file stacker.yaml");
    expect(error.at).toMatchObject({ line: 5, column: 1, length: 1 });
    expect(error.cause).toMatchObject({
      message: 'a tab is used for indentation, which YAML does not allow',
      hint: 'indent with spaces',
    });
  });

  it('names the words of config when it is no map', async () => {
    const { error } = await failure('config: [a]\n');
    expect(error.message).toBe(
      "stackerfile: cannot interpret 'config' value, note the 'config' section in the stackerfile cannot contain a " +
        'layer definition ["a"]',
    );
  });

  it('takes a config without a value', async () => {
    await expect(failure(`config:\nl: {${scratch}}\n`)).rejects.toThrow('expected to fail');
  });

  it.each([
    ['l:\n  from: {type: scratch}\n  labels:\n    a: b: c\n', 4, 8, 'text with ": " in it needs quotes'],
    ['l:\n  run: @x\n', 2, 8, 'put the text in quotes'],
    ['l:\n  from\n  run: x\n', 2, 3, 'a key is one word with ": " behind it; check the indentation'],
  ])('says what helps: %j', async (text, line, column, hint) => {
    const { error } = await failure(text);
    expect(error.at).toMatchObject({ line, column });
    expect(error.cause).toMatchObject({ hint });
  });

  it.each(['a.yaml', '{a: b}', '5'])('refuses prerequisites: %s', async value => {
    const { error } = await failure(`config: {prerequisites: ${value}}\n`);
    expect(error.message).toMatch(/^'prerequisites' expected a list of files, found (string|map|int)$/);
  });

  it.each(['[[a]]', '[""]', '[null]'])('refuses prerequisites: %s', async value => {
    const { error } = await failure(`config: {prerequisites: ${value}}\n`);
    expect(error.message).toMatch(/^'prerequisites' expected a list of files, found .* in it$/);
  });
});

describe('--require-hash', () => {
  const hash = 'A'.repeat(64);

  it.each([
    ['imports: [http://a/b]', 'http://a/b'],
    ['imports: [{path: "https://a/b", dest: /c}]', 'https://a/b'],
    ['import: [http://a/b]', 'http://a/b'],
    ['from: {type: tar, url: "http://a/b.tar"}', 'http://a/b.tar'],
    ['from: {type: scratch, url: "http://a/b.tar"}', 'http://a/b.tar'],
    ['import: {path: "http://a/b"}', 'http://a/b'],
  ])('refuses %s', async (directives, path) => {
    const { error } = await failure(layer(directives), { requireHash: true });
    expect(error.message).toBe(`Remote import needs a hash in yaml for path: ${path}`);
  });

  it.each([
    `imports: [{path: "http://a/b", hash: ${hash}}]`,
    `from: {type: tar, url: "http://a/b.tar", hash: ${hash}}`,
    'imports: [local/file]',
    'from: {type: tar, url: local.tar}',
  ])('accepts %s', async directives => {
    await expect(failure(layer(directives), { requireHash: true })).rejects.toThrow('expected to fail');
  });
});
