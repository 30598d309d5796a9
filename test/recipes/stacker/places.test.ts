import { describe, expect, it } from 'vitest';
import type { StackerOptions } from '../../../src/recipes/stacker/index.ts';
import { failure } from './load.ts';

interface Case {
  readonly text: string;
  readonly options?: Partial<StackerOptions>;
  readonly message: string;
  /** `line:column` of what the caret is under. */
  readonly at: string;
  /** What the caret is under. */
  readonly marked: string;
}

const base = 'l:\n  from: {type: scratch}\n';

const cases: Readonly<Record<string, Case>> = {
  'a key of a layer': {
    text: `${base}  build-only: true\n`,
    message: 'stackerfile: unknown directive build-only',
    at: '3:3',
    marked: 'build-only',
  },
  'a value far inside': {
    text: `${base}  imports:\n    - first\n    - path: second\n      mode: "0644"\n`,
    message: `value for 'mode' in import is not an integer: {"path": "second", "mode": "0644"}`,
    at: '6:13',
    marked: '"0644"',
  },
  'an entry of a list': {
    text: `${base}  run:\n    - a\n    - true\n`,
    message: 'unknown run array type: bool',
    at: '5:7',
    marked: 'true',
  },
  'the first line of a map that lacks something': {
    text: `${base}  binds:\n    - /a\n    - dest: /b\n      source:\n`,
    message: `unexpected 'bind': missing required field 'source': {"dest": "/b", "source": null}`,
    at: '5:7',
    marked: 'dest: /b',
  },
  'the first line of a block of text': {
    text: `${base}  cmd: |\n    a 'b\n    c\n`,
    message: 'No closing quotation',
    at: '3:8',
    marked: '|',
  },
  'the key of a value that is not there': {
    text: 'a:\n  from: {type: scratch}\nl:\nz:\n  from: {type: scratch}\n',
    message: "layer 'l' expected a map of directives, found null: null",
    at: '3:1',
    marked: 'l',
  },
  'the name of a layer without a base': {
    text: 'l:\n  run: x\n',
    message: 'invalid layer: no base (from directive)',
    at: '1:1',
    marked: 'l',
  },
  'the second of two layers of one name': {
    text: `${base}m:\n  from: {type: scratch}\n'l':\n  from: {type: scratch}\n`,
    message: 'duplicate layer name: both stacker.yaml and stacker.yaml have l',
    at: '5:1',
    marked: "'l'",
  },
  'what an alias is used for': {
    text: 'x:\n  from: {type: scratch}\n  volumes: &list [a]\nl:\n  from: {type: scratch}\n  labels: *list\n',
    message: `'labels' expected a map, found list: ["a"]`,
    at: '6:11',
    marked: '*list',
  },
  'where a merged key stands': {
    text: 'l:\n  from: {type: scratch}\n  <<: {oops: 1}\n',
    message: 'stackerfile: unknown directive oops',
    at: '3:8',
    marked: 'oops',
  },
  'an unknown anchor': {
    text: `${base}  labels: *none\n`,
    message: "couldn't parse stacker file stacker.yaml",
    at: '3:11',
    marked: '*none',
  },
  'a layer that no file has': {
    text: `${base}  imports:\n    - path: stacker://nothing/x\n`,
    message: "couldn't resolve some dependencies",
    at: '4:13',
    marked: 'stacker://nothing/x',
  },
  'a base that no file has': {
    text: 'l:\n  from:\n    type: built\n    tag: nothing\n',
    message: "couldn't resolve some dependencies",
    at: '4:10',
    marked: 'nothing',
  },
  'a placeholder whose value is wrong': {
    text: 'l:\n  from: {type: docker, url: "docker://${{REPO}}"}\n',
    options: { substitutions: ['REPO=Upper/Case'] },
    message: 'bad image reference "docker://Upper/Case": ',
    at: '2:29',
    marked: '"docker://${{REPO}}"',
  },
  'a placeholder whose default is wrong': {
    text: `${base}  build_only: \${{B:maybe}}\n`,
    message: `'build_only' expected true or false, found string: "maybe"`,
    at: '3:15',
    marked: '${{B:maybe}}',
  },
  'what stands behind placeholders in its line': {
    text: 'l: {from: {type: ${{T:scratch}}}, labels: {a: $V, b: "${V}"}, arch: ""}\n',
    options: { substitutions: ['V=a much longer value'] },
    message: 'stackerfile: "arch" value cannot be empty',
    at: '1:63',
    marked: 'arch',
  },
  'what stands below a value of several lines': {
    text: `${base}  labels:\n    a: "\${{V}}"\n  os: ""\n`,
    options: { substitutions: ['V=1\n\n      2'] },
    message: 'stackerfile: "os" value cannot be empty',
    at: '5:3',
    marked: 'os',
  },
  'what a value of several lines brings': {
    text: `${base}  \${{MORE}}\n`,
    options: { substitutions: ['MORE=run: x\n  oops: y'] },
    message: 'stackerfile: unknown directive oops',
    at: '3:3',
    marked: '${{MORE}}',
  },
  'a placeholder in a comment': {
    text: `# \${{NOTE}}\n${base}`,
    message: 'no value for substitution NOTE',
    at: '1:3',
    marked: '${{NOTE}}',
  },
  'a line that ends as on Windows': {
    text: 'l:\r\n  from: {type: scratch}\r\n  frm: x\r\n',
    message: 'stackerfile: unknown directive frm',
    at: '3:3',
    marked: 'frm',
  },
  'the first line behind a byte order mark': {
    text: '\ufeffa:b: {from: {type: scratch}}\n',
    message: "using ':' in the layer name (a:b) is forbidden due to overlay constraints",
    at: '1:1',
    marked: 'a:b',
  },
  'a line with other scripts': {
    text: `${base}  labels: {名: 値, b: [x]}\n`,
    message: `'labels.b' expected text, found list: ["x"]`,
    at: '3:21',
    marked: '[x]',
  },
  'a tab between spaces': {
    text: 'l:\n  from: {type: scratch}\n  imports:\n  \t- a\n',
    message: "couldn't parse stacker file stacker.yaml",
    at: '4:3',
    marked: '\t',
  },
  'a config that is none': {
    text: 'config: [a.yaml]\n',
    message: "stackerfile: cannot interpret 'config' value",
    at: '1:9',
    marked: '[a.yaml]',
  },
  'a prerequisite': {
    text: 'config:\n  prerequisites:\n    - "${{DIR:sub}}/none.yaml"\n',
    message: "couldn't find prerequisite ",
    at: '3:7',
    marked: '"${{DIR:sub}}/none.yaml"',
  },
  'a file outside of the layer that it is imported from': {
    text: 'a:\n  from: {type: scratch}\n  run: x\n  binds: [/h -> /out]\nl:\n  from: {type: tar, url: stacker://a/out/x.tar}\n',
    message: '/out/x.tar of layer a is in its bind mount /out',
    at: '6:26',
    marked: 'stacker://a/out/x.tar',
  },
};

describe('the place of an error is', () => {
  it.each(Object.entries(cases))('%s', async (_, { text, options = {}, message, at, marked }) => {
    const { error, directory } = await failure(text, options);
    expect(error.message.slice(0, message.length)).toBe(message);
    expect(error.at?.file).toBe(`${directory}/stacker.yaml`);
    expect(`${error.at?.line}:${error.at?.column}`).toBe(at);
    const line = text.replace('\ufeff', '').split('\n')[(error.at?.line ?? 0) - 1] ?? '';
    const start = (error.at?.column ?? 0) - 1;
    expect(line.slice(start, start + (error.at?.length ?? 0))).toBe(marked);
  });

  it('in the prerequisite that it is about', async () => {
    const files = {
      'stacker.yaml': 'config: {prerequisites: [sub/base.yaml]}\n',
      'sub/base.yaml': '\nbase: {from: {type: tar}}\n',
    };
    const { error, directory } = await failure(files);
    expect(error.at).toEqual({ file: `${directory}/sub/base.yaml`, line: 2, column: 14, length: 11 });
  });
});
