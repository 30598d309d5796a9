import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFiles } from '../load.ts';
import { resolved, resolvedIn } from '../resolved.ts';

const image = (install: string, repositories = '[{path: modules}]') =>
  `{name: i, version: '1', from: f, modules: {repositories: ${repositories}, install: ${install}}}\n`;

async function installed(files: Readonly<Record<string, string>>, more = {}) {
  const { description, warnings } = await resolved(files, more);
  return {
    modules: description.target.modules.map(({ name, version }) => `${name} ${version}`),
    warnings,
  };
}

describe('a module is chosen', () => {
  it('by its exact version as text', async () => {
    const files = {
      'modules/a/module.yaml': "{name: m, version: '1.10'}",
      'modules/b/module.yaml': '{name: m, version: 1.10}',
      'modules/c/module.yaml': '{name: m, version: 7}',
      'modules/d/module.yaml': '{name: m, version: custom}',
    };
    for (const version of ['1.10', '1.1', '7', 'custom']) {
      const result = await installed({
        ...files,
        'image.yaml': image(`[{name: m, version: '${version}'}]`),
      });
      expect(result).toEqual({ modules: [`m ${version}`], warnings: [] });
    }
    await expect(
      installed({ ...files, 'image.yaml': image("[{name: m, version: '1.100'}]") }),
    ).rejects.toMatchObject({
      message: "Module 'm' with version '1.100' could not be found, available versions: 1.10, 1.1, 7, custom",
      at: { line: 1, column: 106 },
    });
  });

  it('in its newest version where none is given, which is said', async () => {
    const files = {
      'image.yaml': image('[{name: m}]'),
      'modules/a/module.yaml': "{name: m, version: '1.9'}",
      'modules/b/module.yaml': '{name: m, version: custom-9}',
      'modules/c/module.yaml': "{name: m, version: '1.10'}",
      'modules/d/module.yaml': '{name: m, version: 1.10rc1}',
    };
    expect(await installed(files)).toEqual({
      modules: ['m 1.10'],
      warnings: [
        "image.yaml:1: Module's 'm' version 'custom-9' does not follow PEP 440 versioning scheme (https://www.python.org/dev/peps/pep-0440) which should be followed in modules.",
        "image.yaml:1: Module version not specified for 'm' module, using '1.10' default version",
      ],
    });
  });

  it('without a word where there is only one version', async () => {
    const files = {
      'image.yaml': image('[{name: m}]'),
      'modules/a/module.yaml': '{name: m, version: custom}',
    };
    expect(await installed(files)).toEqual({ modules: ['m custom'], warnings: [] });
  });

  it('but not when there is none of the name', async () => {
    const files = {
      'image.yaml': image('[{name: jmv}]'),
      'modules/a/module.yaml': '{name: jvm, version: 1}',
    };
    await expect(installed(files)).rejects.toMatchObject({
      message: "There are no modules with 'jmv' name available",
      hint: 'did you mean "jvm"?',
      at: { line: 1, column: 94 },
    });
  });

  it('for an override in the same way', async () => {
    const override = { kind: 'text-or-path', value: '{modules: {install: [{name: zz}]}}' };
    await expect(installed({ 'image.yaml': image('[]', '[]') }, { overrides: [override] })).rejects.toThrow(
      "There are no modules with 'zz' name available",
    );
  });
});

describe('a module that is there twice', () => {
  it('is an error, whatever the directories are called', async () => {
    const files = {
      'image.yaml': image('[]'),
      'modules/a/module.yaml': "{name: m, version: '1'}",
      'modules/b/module.yaml': '{name: m, version: 1}',
    };
    await expect(installed(files)).rejects.toMatchObject({
      message: "Module 'm' with version '1' already exists in module registry",
      at: { file: expect.stringContaining('modules/b/module.yaml'), line: 1 },
      hint: expect.stringMatching(/^the other one is in .*modules\/a\/module\.yaml$/),
    });
  });

  it('names the repositories that both have it, as the directory of a checkout says nothing', async () => {
    const files = {
      'image.yaml': image('[]', '[{path: x}, {name: why, path: y}]'),
      'x/module.yaml': '{name: m, version: 1}',
      'y/module.yaml': '{name: m, version: 1}',
    };
    await expect(installed(files)).rejects.toMatchObject({
      hint: expect.stringMatching(/^module repositories 'x' and 'why' both have it: the other one is in /),
    });
  });

  it('is none when two repositories have the same file', async () => {
    const files = {
      'image.yaml': image('[{name: m}]', '[{path: modules}, {name: again, path: modules/a}]'),
      'modules/a/module.yaml': '{name: m, version: 1}',
    };
    expect(await installed(files)).toEqual({ modules: ['m 1'], warnings: [] });
  });
});

describe('a broken module', () => {
  const broken = { 'modules/z/module.yaml': "name: z\nversion: '1.0'\nbogus: 1\n" };

  it('that is not used is only warned of', async () => {
    const files = {
      ...broken,
      'image.yaml': image('[{name: a}]'),
      'modules/a/module.yaml': '{name: a, version: 1}',
    };
    expect(await installed(files)).toEqual({
      modules: ['a 1'],
      warnings: [
        "modules/z/module.yaml:3: a module that is not used is broken: Key 'bogus' was not defined. Path: ''",
      ],
    });
  });

  it.each(['z', "z, version: '1.0'"])('that is used is an error with its place: %s', async request => {
    await expect(installed({ ...broken, 'image.yaml': image(`[{name: ${request}}]`) })).rejects.toMatchObject(
      {
        message: 'Cannot validate schema: Module',
        errors: [{ at: { file: expect.stringContaining('modules/z/module.yaml'), line: 3, column: 1 } }],
      },
    );
  });

  it('counts as used when its version is the newest', async () => {
    const files = {
      ...broken,
      'image.yaml': image('[{name: z}]'),
      'modules/a/module.yaml': "{name: z, version: '0.9'}",
    };
    await expect(installed(files)).rejects.toThrow('Cannot validate schema: Module');
    const chosen = { ...files, 'image.yaml': image("[{name: z, version: '0.9'}]") };
    expect(await installed(chosen)).toMatchObject({ modules: ['z 0.9'] });
  });

  it('without a name is told of when a module is missed', async () => {
    const files = { 'image.yaml': image('[{name: z}]'), 'modules/z/module.yaml': 'name: [\n' };
    await expect(installed(files)).rejects.toMatchObject({
      message: "There are no modules with 'z' name available",
      cause: { errors: [{ at: { file: expect.stringContaining('modules/z/module.yaml') } }] },
    });
  });

  it('that is no text is not used either', async () => {
    await using directory = await writeFiles({ 'image.yaml': image('[]'), 'modules/z/module.yaml': '' });
    await writeFile(join(directory.path, 'modules/z/module.yaml'), Buffer.from([0xff, 0xfe]));
    const { warnings } = await resolvedIn(directory.path);
    expect(warnings).toEqual([
      expect.stringMatching(/^a module that is not used is broken: .*z\/module.yaml is not text in UTF-8$/),
    ]);
  });

  it('says nothing odd unless it is used', async () => {
    const files = {
      'image.yaml': image('[{name: a}]'),
      'modules/a/module.yaml': '{name: a, version: 1, artifacts: [{path: x/y}]}',
      'modules/b/module.yaml': '{name: b, version: 1, artifacts: [{path: x/z}]}',
    };
    const { infos } = await resolved(files);
    expect(infos.filter(info => info.includes('"x/'))).toEqual([
      `No value found for 'name' in '{"dest": "/tmp/artifacts/", "path": "x/y"}' artifact; using auto-generated value of 'y'`,
    ]);
  });
});
