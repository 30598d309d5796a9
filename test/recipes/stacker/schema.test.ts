import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { stackerSchema } from '../../../src/recipes/stacker/index.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { sourceText } from '../../../src/support/source-text.ts';
import { parseYaml, type YamlNode } from '../../../src/support/yaml.ts';
import { likelyFiles, planText, stackerFiles } from './generate.ts';
import { layer, testOptions } from './load.ts';

const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
  stackerSchema(),
);

/** The problems that an editor would show in the text as people write it, before substitution. */
function problems(text: string): string[] {
  validate(plain(parseYaml(sourceText('/stacker.yaml', text))));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

function plain(node: YamlNode): unknown {
  switch (node.kind) {
    case 'null':
      return null;
    case 'list':
      return node.items.map(plain);
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [String(plain(key)), plain(value)]));
    case 'int':
      return Number(node.value);
    default:
      return node.value;
  }
}

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('the schema of stacker files', () => {
  it.each(['bootstrap', 'distroless', 'installed-root', 'stack'])('fits the example %s', name => {
    expect(problems(read(`examples/${name}/stacker.yaml`))).toEqual([]);
  });

  it.each([...read('docs/stacker.md').matchAll(/^```yaml\n(.*?)^```$/gms)].map(match => match[1] ?? ''))(
    'fits what the manual shows: %j',
    text => {
      expect(problems(text)).toEqual([]);
    },
  );

  it.each([
    '',
    'config:\n',
    'config: {prerequisites: [../a.yaml]}\n',
    '"${{NAME:zot}}": {from: {type: scratch}}\n',
    '${{NAME}}: {from: {type: scratch}}\n',
    ...[
      'from: {type: docker, url: "docker://a", insecure: yes}',
      'from: {type: "${{TYPE}}", url: "${{URL}}", hash: "${{HASH:}}"}',
      'from: {type: built, tag: 1.5}',
      'from: [{type: built, tag: a}, {type: tar, url: a.tar}]',
      'from: {type: stack}\nlayers: [{type: built, tag: a}]',
      'from: {type: stack, layers: [{type: built, tag: a}], conflicts: last, library_cache: drop}',
      'from: [{type: scratch}]\nconflicts: {default: error, /etc/**: first, "${{GLOB}}": "${{POLICY}}"}',
      'from: [{type: scratch}]\nconflicts: "${{POLICY:warn}}"\nlibrary_cache: regenerate',
      'outputs: [oci, squashfs, erofs, cpio]',
      'outputs: [{oci: }, {filesystem: xfs}, {filesystem: {type: ext4, label: a, verity: yes}}, "${{OUT}}"]',
      'outputs: [disk]\nbuild_only: true',
      'outputs: [{disk: }, {disk: {size: +1.5G, format: qcow2}}, {disk: {size: 4096, format: [ova, gce]}}]',
      'outputs: [{disk: {filesystem: "${{FS:ext4}}", firmware: bios, legacy_boot: "${{X}}", verity: false}}]',
      'imports: a',
      'imports: ""',
      'imports: [a, {path: b, dest: /c, mode: 0755, uid: 0, gid: 7, hash: ""}]',
      'imports: [{path: b, mode: "${{MODE:0644}}", dest: "$PREFIX/x"}]',
      'import:\n  path: a\n  hash: abababababababababababababababababababababababababababababababab',
      'imports:\nimport:\noverlay_dirs:\nrun:\nbinds:\ncmd:\nenvironment:\nvolumes:\nbuild_only:',
      'overlay_dirs: [{source: a}, {source: b, dest: /c}]',
      'run: [a, b]\ngenerate_labels: touch /oci-labels/a',
      'cmd: a "b c"\nentrypoint: []\nfull_command: [a]',
      'environment: {A: 1, B: yes, C: 1.5, D: }\nlabels: "${{LABELS}}"\nannotations: {a: b}',
      'volumes: [/a, 5]\nworking_dir: /a\nuser: 1000\nruntime_user: a\nos: linux\narch: 386',
      'build_env: {A: b}\nbuild_env_passthrough: [".*"]\nbuild_only: "${{X:true}}"',
      'binds: /a -> /b',
      'binds: [/a -> /b, /c, {source: /d}, {source: /e, dest: /f}]',
      'apply: ["docker://a", "oci:b:c", {url: "docker://c", insecure: true}]\nbom: {generate: true}',
    ].map(layer),
  ])('accepts %j', text => {
    expect(problems(text)).toEqual([]);
  });

  const mistakes: readonly (readonly [text: string, place: string])[] = [
    ['[a]', ''],
    ['config: {from: {type: scratch}}', '/config'],
    ['config: {prerequisites: a.yaml}', '/config/prerequisites'],
    ['l: text', '/l'],
    ['l: {run: x}', '/l'],
    ['a:b: {from: {type: scratch}}', ''],
    ...(
      [
        ['frm: x', ''],
        ['from: docker', '/from'],
        ['from: {type: dokcer}', '/from'],
        ['from: {url: a.tar}', '/from'],
        ['from: {type: docker}', '/from'],
        ['from: {type: built, url: x}', '/from'],
        ['from: {type: tar, url: a, foo: x}', '/from'],
        ['from: {type: tar, url: a, hash: abc}', '/from'],
        ['from: []', '/from'],
        ['from: [{type: scratch, layers: []}]', '/from'],
        ['from: {type: stack, conflicts: frist}', '/from'],
        ['from: {type: stack}\nlayers: []', '/layers'],
        ['from: {type: stack}\nlayers: [a]', '/layers'],
        ['conflicts: {etc/**: last}', '/conflicts'],
        ['conflicts: {/etc/**: lats}', '/conflicts'],
        ['library_cache: keep', '/library_cache'],
        ['outputs: oci', '/outputs'],
        ['outputs: []', '/outputs'],
        ['outputs: [ext4]', '/outputs'],
        ['outputs: [{filesystem: {label: a}}]', '/outputs'],
        ['outputs: [{tar: {level: 5}}]', '/outputs'],
        ['outputs: [{disk: {filesytem: ext4}}]', '/outputs'],
        ['outputs: [{disk: {size: big}}]', '/outputs'],
        ['outputs: [{disk: {}, tar: }]', '/outputs'],
        ['apply: docker://a', '/apply'],
        ['apply: [{insecure: true}]', '/apply'],
        ['imports: {path: a}', '/imports'],
        ['imports: [5]', '/imports'],
        ['imports: [{dest: /a}]', '/imports'],
        ['imports: [{path: a, dest: b}]', '/imports'],
        ['imports: [{path: a, mode: "0755"}]', '/imports'],
        ['imports: [{path: a, mode: 010000}]', '/imports'],
        ['imports: [{path: a, uid: -1}]', '/imports'],
        ['imports: [{path: a, perms: 0777}]', '/imports'],
        ['overlay_dirs: [/a]', '/overlay_dirs'],
        ['overlay_dirs: [{dest: /a}]', '/overlay_dirs'],
        ['run: 5', '/run'],
        ['run: [true]', '/run'],
        ['cmd: {a: b}', '/cmd'],
        ['binds: [{dest: /a}]', '/binds'],
        ['environment: [A=b]', '/environment'],
        ['labels: {a: [b]}', '/labels'],
        ['volumes: /a', '/volumes'],
        ['working_dir: [a]', '/working_dir'],
        ['build_only: "true"', '/build_only'],
      ] as const
    ).map(([directives, place]) => [layer(directives), `/l${place}`] as const),
  ];
  it.each(mistakes)('refuses %j', (text, place) => {
    expect(problems(text).filter(problem => problem.startsWith(`${place}`))).not.toEqual([]);
  });

  it('tells editors what a directive is for', () => {
    const schema = JSON.stringify(stackerSchema());
    expect(schema).toContain('"build_only":{"description":"The layer is for other layers to use');
    expect(schema).toContain('"import":{"description":"The older form of `imports`');
  });

  it('never refuses what is read without a warning', () => {
    fc.assert(
      fc.property(fc.oneof(likelyFiles, stackerFiles), file => {
        const text = stringify(file, { version: '1.1' });
        const warnings: string[] = [];
        if (
          !(planText(text, testOptions({ warn: message => warnings.push(message) })) instanceof AshlarError)
        )
          if (warnings.length === 0) expect(problems(text)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });
});
