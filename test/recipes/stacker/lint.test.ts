import { describe, expect, it } from 'vitest';
import { type Finding, lintStackerFiles, type StackerOptions } from '../../../src/recipes/stacker/index.ts';
import { inDirectory, layer, testOptions } from './load.ts';

function lint(
  files: string | Readonly<Record<string, string>>,
  options: Partial<StackerOptions> = {},
): Promise<Finding[]> {
  return inDirectory(files, cwd => lintStackerFiles(testOptions({ cwd, ...options })));
}

/** `rule line:column message` of each finding. */
async function remarks(...args: Parameters<typeof lint>): Promise<string[]> {
  const findings = await lint(...args);
  return findings.map(({ rule, at, message }) => `${rule} ${at?.line}:${at?.column} ${message}`);
}

const scratch = 'from: {type: scratch}';

describe('linting', () => {
  it('has nothing to say about a good file', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const text =
      `build:\n  from: {type: docker, url: "docker://debian:12"}\n  build_only: true\n` +
      `pinned: {from: {type: docker, url: "docker://debian@${digest}"}}\n` +
      `l:\n  from: {type: built, tag: build}\n  imports: [{path: "http://h/f", hash: ${'a'.repeat(64)}}]\n`;
    expect(await lint(text)).toEqual([]);
  });

  it('takes files that are made of a layer for a use of it', async () => {
    const tar = `{${scratch}, outputs: [tar]}`;
    expect(await lint(`a: ${tar}\n`)).toEqual([]);
    expect(await remarks(`a: ${tar}\nb: {${scratch}, build_only: true}\n`)).toEqual([
      "unused-layer 2:1 nothing uses the layer 'b', which is build_only",
    ]);
  });

  it('finds the errors of all layers at once, and the warnings of the others', async () => {
    const text =
      `a: {${scratch}, frm: x}\n` +
      `b: {${scratch}, binds: [{source: /a, mode: 5}]}\n` +
      'c: {from: {type: dokcer}}\n';
    expect(await lint(text)).toMatchObject([
      {
        rule: 'error',
        severity: 'error',
        message: 'stackerfile: unknown directive frm',
        at: { line: 1, column: 28, length: 3 },
        hint: 'did you mean "from"?',
      },
      { rule: 'unknown-key', severity: 'warning', at: { line: 2 } },
      { rule: 'error', message: 'unknown layer type: dokcer', at: { line: 3 } },
    ]);
  });

  it.each([
    ['l: [', "error 1:5 couldn't parse stacker file stacker.yaml: "],
    ['${{A}}: {}', 'error 1:1 no value for substitution A'],
    [`a: {${scratch}}\na: {${scratch}}`, 'error 2:1 duplicate layer name'],
    ['config: {prerequisites: [none.yaml]}', "error 1:26 couldn't find prerequisite "],
  ])('has an error of the whole file among its findings: %s', async (text, expected) => {
    const [finding, ...others] = await remarks(text);
    expect(finding?.slice(0, expected.length)).toBe(expected);
    expect(others).toEqual([]);
  });

  it('tells the reason of an error together with it', async () => {
    const [missing] = await lint({}, { files: ['none.yaml'] });
    expect(missing?.message).toMatch(/^couldn't read stacker file: ENOENT: .*none\.yaml/);
    expect(await lint('l:\n\tfrom: x\n')).toMatchObject([
      {
        message:
          "couldn't parse stacker file stacker.yaml: a tab is used for indentation, which YAML does not allow",
        hint: 'indent with spaces',
        at: { line: 2, column: 1 },
      },
    ]);
  });

  it('counts lines that explain an error as errors', async () => {
    const findings = await lint(`a: {from: {type: built, tag: bb}}\nb: {${scratch}}\n`);
    expect(findings.map(({ rule, severity }) => [rule, severity])).toEqual([
      ['unresolved', 'error'],
      ['error', 'error'],
    ]);
    const strict = await lint(layer('labels: {a: $A}'), { substitutions: ['A=1'], strictSubstitution: true });
    expect(strict.map(({ rule, severity }) => [rule, severity])).toEqual([
      ['placeholder', 'error'],
      ['error', 'error'],
    ]);
  });

  it('has the warnings of the reader, each once, in the order of the text', async () => {
    const text = layer('import: [x/a, {path: a, mode: 644}]\nbom: {}\nlabels: {a: 1, a: 2}');
    expect(await remarks(text)).toEqual([
      expect.stringMatching(/^deprecated 3:3 'import' directive used in layer 'l' /),
      expect.stringMatching(/^shadowed-import 3:24 layer 'l' has several imports named 'a'/),
      expect.stringMatching(/^decimal-mode 3:33 'mode' 644 is a decimal number/),
      expect.stringMatching(/^deprecated 4:3 'bom' directive/),
      expect.stringMatching(/^repeated-key 5:18 'a' is given twice/),
    ]);
  });

  it('is silent where a comment in the line or the one above asks for it', async () => {
    const text = [
      'a:',
      '  # this one moves: # ashlar-lint: disable=unknown-key,floating-base',
      '  from: {type: docker, url: "docker://a"}',
      'b:',
      '  from: {type: docker, url: "docker://b"} # ashlar-lint: disable=floating-base',
      'c:',
      '  from: {type: docker, url: "docker://c"} # ashlar-lint: disable=floating',
    ].join('\n');
    expect(await remarks(text)).toEqual(['floating-base 7:29 docker://c may be another image tomorrow']);
    const [error] = await lint('l: {frm: x} # ashlar-lint: disable=error');
    expect(error?.severity).toBe('error');
  });
});

describe('the rule', () => {
  it('unused-layer finds layers that are no result and used by nothing', async () => {
    const text = (binds: string) =>
      `a: {${scratch}, build_only: true}\n` +
      `b: {${scratch}, build_only: true, run: x${binds}}\n` +
      `l: {from: {type: built, tag: a}}\n`;
    expect(await remarks(text(''))).toEqual([
      "unused-layer 2:1 nothing uses the layer 'b', which is build_only",
    ]);
    expect(await lint(text(', binds: [/out]'))).toEqual([]);
    const user = `m: {${scratch}, imports: ["$STACKER_ROOTFS_DIR/b/overlay/x"]}\n`;
    expect(await lint(text('') + user)).toEqual([]);
  });

  it('unused-layer takes a file of build_only layers for one that others use', async () => {
    expect(await lint(`a: {${scratch}, build_only: true}\n`)).toEqual([]);
  });

  it('unused-prerequisite finds files from which nothing comes, not even by way of others', async () => {
    const files = {
      'stacker.yaml':
        'config:\n  prerequisites:\n    - top.yaml\n    - bottom.yaml\n    - other.yaml\n' +
        `l: {${scratch}, imports: ["stacker://top/x"]}\n`,
      'top.yaml': 'config: {prerequisites: [bottom.yaml]}\ntop: {from: {type: built, tag: bottom}}\n',
      'bottom.yaml': `bottom: {${scratch}}\n`,
      'other.yaml': `other: {${scratch}}\n`,
    };
    expect(await remarks(files)).toEqual([
      'unused-prerequisite 5:7 no layer of this prerequisite is used here',
    ]);
  });

  it('unused-prerequisite knows files that only name others, and what is handed over on the host', async () => {
    const files = {
      'stacker.yaml': 'config: {prerequisites: [a.yaml, b.yaml]}\n',
      'a.yaml': `a: {${scratch}, run: x, binds: [/out]}\n`,
      'b.yaml': `config: {prerequisites: [a.yaml]}\nb: {${scratch}, overlay_dirs: [{source: /out}]}\n`,
    };
    expect(await lint(files)).toEqual([]);
  });

  it('unpinned-download finds what is downloaded without a hash', async () => {
    const text =
      'a: {from: {type: tar, url: "https://h/a.tar"}}\n' +
      `b: {${scratch}, imports: ["http://h/b", {path: "http://h/c", dest: /c}, local]}\n`;
    expect(await remarks(text)).toEqual([
      'unpinned-download 1:28 https://h/a.tar is downloaded without a hash',
      'unpinned-download 2:38 http://h/b is downloaded without a hash',
      'unpinned-download 2:59 http://h/c is downloaded without a hash',
    ]);
  });

  it.each([
    ['{type: docker, url: "docker://a"}', true],
    ['{type: docker, url: "docker://h:5000/a:latest"}', true],
    ['{type: oci, url: "docker://a"}', true],
    ['{type: docker, url: "docker://a:1"}', false],
    [`{type: docker, url: "docker://a:latest@sha256:${'b'.repeat(64)}"}`, false],
    ['{type: oci, url: "dir:latest"}', false],
  ])('floating-base, from: %s: %s', async (from, found) => {
    const findings = await lint(layer(`from: ${from}`));
    expect(findings.map(({ rule }) => rule)).toEqual(found ? ['floating-base'] : []);
  });

  it('floating-base, from parts of stacks and applied images, too', async () => {
    const text = layer(
      'from: [{type: docker, url: "docker://a"}, {type: docker, url: "docker://b:1"}]\n' +
        'apply: ["docker://c", "oci:d:latest"]',
    );
    expect(await remarks(text)).toEqual([
      'floating-base 2:30 docker://a may be another image tomorrow',
      'floating-base 3:11 docker://c may be another image tomorrow',
    ]);
  });

  it('overwritten-import finds files that a later import replaces', async () => {
    const files = {
      'stacker.yaml': layer(
        'imports:\n  - {path: a, dest: /x/}\n  - {path: "stacker://o/x", dest: /y}\n  - {path: b, dest: /x/a}\n' +
          '  - {path: d, dest: /d}\n  - {path: e, dest: /d}\n',
      ).concat('o: {from: {type: scratch}}\n'),
      a: '',
      b: '',
      'd/f': '',
      'e/g': '',
    };
    expect(await remarks(files)).toEqual([
      'overwritten-import 4:14 /x/a is overwritten by the import in line 6',
    ]);
  });

  it.each([
    ['DB_PASSWORD=x', true],
    ['githubToken=x', true],
    ['api-key=x', true],
    ['SECRET=x', true],
    ['DB_PASSWORD=', false],
    ['TOKENIZER=x', false],
    ['SECRET_FILE=/run/x', false],
    ['KEYBOARD=x', false],
    ['V=AKIAABCDEFGHIJKLMNOP', true],
    [`V=ghp_${'a1'.repeat(18)}`, true],
    ['V=https://me:hunter2@host/x', true],
    ['V=https://host/x:y@z', false],
  ])('stored-secret, --substitute %s: %s', async (substitution, found) => {
    const key = substitution.split('=')[0];
    const text = layer(`run: |\n  x\n  login "\${{${key}}}"`);
    const findings = await lint(text, { substitutions: [substitution] });
    expect(findings.map(({ rule, at }) => [rule, at?.line])).toEqual(found ? [['stored-secret', 5]] : []);
    expect(await lint(text, { substitutions: [substitution], storeText: false })).toEqual([]);
    expect(JSON.stringify(findings)).not.toContain(substitution);
  });

  it('stored-secret does not mind secrets that are not used', async () => {
    expect(await lint(layer('run: x'), { substitutions: ['PASSWORD=x'] })).toEqual([]);
  });
});
