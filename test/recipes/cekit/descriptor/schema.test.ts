import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { plainOf } from '../../../../src/recipes/cekit/descriptor/fields.ts';
import { resolvePythonScalar } from '../../../../src/recipes/cekit/descriptor/python.ts';
import { readDescriptor } from '../../../../src/recipes/cekit/descriptor/read.ts';
import { descriptorSchema, moduleSchema, overridesSchema } from '../../../../src/recipes/cekit/index.ts';
import { AshlarError } from '../../../../src/support/errors.ts';
import { sourceText } from '../../../../src/support/source-text.ts';
import { parseYaml } from '../../../../src/support/yaml.ts';
import { mutated, validImages, validModules, validOverrides } from './generate.ts';
import { ignore, source } from './support.ts';

const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true });
const schemas = {
  image: ajv.compile(descriptorSchema()),
  module: ajv.compile(moduleSchema()),
  overrides: ajv.compile(overridesSchema()),
};

/** The places at which an editor would show a problem. */
function problems(kind: keyof typeof schemas, text: string): string[] {
  const validate = schemas[kind];
  validate(plainOf(parseYaml(sourceText('/f', text), resolvePythonScalar)));
  return (validate.errors ?? []).map(({ instancePath }) => instancePath);
}

const head = 'name: n\nversion: 1\n';

describe('the schemas for editors', () => {
  it.each([
    'from: scratch\ndescription: d\nlabels:\nrun:\nhelp:\npackages:',
    'labels: [{name: a, value: ""}]\nenvs: [{name: a, value: 0, more: [1]}, {name: b}]\nargs: [{name: a, value: ~}]',
    'ports: [{value: 80, expose: no}]\nvolumes: [{path: /a}]\nrun: {user: 185, cmd: [], entrypoint: [a]}',
    'modules: {repositories: [{path: a}, {git: {url: u, ref: r}}], install: [{name: a, version: "1"}]}',
    'packages: {manager: apt, install: [a, 1.0], content_sets: {x86_64: [a]}, repositories: [{name: a, id: b}]}',
    'packages: {content_sets: ~}\nosbs: {configuration: {container: {a: 1}}}',
    'artifacts: [{path: a, mode: 0755, owner: "1001:0"}, {name: a, md5: b}, {image: a, path: b}, {url: a, uid: 5}]',
  ])('accept %j', lines => {
    for (const kind of ['image', 'module', 'overrides'] as const)
      expect(problems(kind, head + lines)).toEqual([]);
  });

  it('accept lists of images, scripts of modules, and what only overrides say', () => {
    expect(problems('image', '[{name: a, version: 1}, {name: b, version: 2}]')).toEqual([]);
    expect(problems('module', `${head}execute: [{script: a, user: 185}]`)).toEqual([]);
    expect(problems('overrides', 'stage: builder\nremove: {labels: [a], ports: [80]}')).toEqual([]);
    expect(problems('overrides', '')).toEqual([]);
    const outputs =
      'outputs: [oci, {filesystem: ext4}, {disk: {size: +1G, format: [qcow2, vmdk], verity: no}}]';
    expect(problems('image', head + outputs)).toEqual([]);
    expect(problems('overrides', outputs)).toEqual([]);
    expect(problems('overrides', 'outputs:')).toEqual([]);
  });

  it.each([
    ['image', 'from: a', ''],
    ['image', `${head}foo: 1`, ''],
    ['image', `${head}execute: []`, ''],
    ['image', `${head}stage: a`, ''],
    ['image', `${head}outputs: [ext4]`, '/outputs/0'],
    ['image', `${head}outputs: [{disk: {verity: 5}}]`, '/outputs/0'],
    ['module', `${head}outputs: [oci]`, ''],
    ['image', `${head}labels: [{name: a, value: 5}]`, '/labels/0/value'],
    ['image', `${head}labels: [{name: a}]`, '/labels/0'],
    ['image', `${head}ports: [{value: "80"}]`, '/ports/0/value'],
    ['image', `${head}run: {cmd: a}`, '/run/cmd'],
    ['image', `${head}packages: {manager: zypper}`, '/packages/manager'],
    ['image', `${head}packages: {content_sets: {}, content_sets_file: a}`, '/packages'],
    ['image', `${head}packages: {repositories: [{name: a, id: b, url: {}}]}`, '/packages/repositories/0'],
    ['image', `${head}artifacts: [{name: a}]`, '/artifacts/0'],
    ['image', `${head}artifacts: [{image: a, path: b, md5: c}]`, '/artifacts/0'],
    ['image', `${head}artifacts: [{path: a, mode: rwx}]`, '/artifacts/0/mode'],
    ['module', `${head}execute: [{user: a}]`, '/execute/0'],
    ['overrides', 'remove: {run: [a]}', '/remove'],
  ] as const)('refuse in an %s: %s', (kind, text, place) => {
    expect(problems(kind, text)).toContain(place);
  });

  it('tell editors what a key is for', () => {
    expect(JSON.stringify(descriptorSchema())).toContain(
      '"workdir":{"description":"The directory in which containers',
    );
  });

  it('accept what the reader accepts', () => {
    const kinds = [
      ['image', validImages],
      ['module', validModules],
      ['overrides', validOverrides],
    ] as const;
    for (const [kind, descriptors] of kinds) {
      fc.assert(
        fc.property(descriptors, descriptor => {
          expect(problems(kind, stringify(descriptor, { version: '1.1' }))).toEqual([]);
        }),
        { numRuns: 25 },
      );
    }
  });

  it('never accept less than the reader, wherever something is changed', () => {
    fc.assert(
      fc.property(mutated(validImages), descriptor => {
        const text = stringify(descriptor, { version: '1.1', aliasDuplicateObjects: false });
        try {
          readDescriptor(source(text), ignore);
        } catch (error) {
          if (error instanceof AshlarError) return;
          throw error;
        }
        expect(problems('image', text)).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });
});
