import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AshlarError } from '../../../../src/support/errors.ts';
import { writeFiles } from '../load.ts';
import { resolved, resolvedIn } from '../resolved.ts';

const image = (repositories: string, install: string, name = 'i') =>
  `{name: ${name}, version: '1', from: f, modules: {repositories: ${repositories}, install: ${install}}}`;

const module = (name: string) => `{name: ${name}, version: 1}`;

async function modulesOf(files: Readonly<Record<string, string>>, more = {}) {
  const { description, ...said } = await resolved(files, more);
  return { ...said, modules: description.target.modules.map(({ name }) => name) };
}

describe('module repositories', () => {
  it('are directories, with or without a slash, beside the descriptor or anywhere else', async () => {
    const files = {
      'images/i/image.yaml': image('[{path: modules/}, {path: ../../shared}]', '[{name: a}, {name: b}]'),
      'images/i/modules/a/module.yaml': module('a'),
      'shared/b/module.yaml': module('b'),
    };
    const { modules, infos } = await modulesOf(files, { descriptor: 'images/i/image.yaml' });
    expect(modules).toEqual(['a', 'b']);
    expect(infos).toContain(
      `No value found for 'name' in '{"dest": "/tmp/artifacts/", "path": "../../shared"}' artifact; using auto-generated value of 'shared'`,
    );
  });

  it('of one name are both used when they are not the same', async () => {
    const files = {
      'image.yaml': image(
        '[{path: x/modules}, {path: y/modules}, {name: z, path: y}, {name: z, path: x/../x}]',
        '[{name: a}, {name: b}]',
      ),
      'x/modules/a/module.yaml': module('a'),
      'y/modules/b/module.yaml': module('b'),
    };
    expect(await modulesOf(files)).toMatchObject({ modules: ['a', 'b'], warnings: [] });
  });

  it('that are the same are skipped, which is said of one list', async () => {
    const files = {
      'image.yaml': image('[{name: x, path: m}, {name: y, path: ./m/}]', '[{name: a}]'),
      'm/a/module.yaml': module('a'),
    };
    expect(await modulesOf(files)).toMatchObject({
      modules: ['a'],
      warnings: [
        "image.yaml:1: Module repository 'y' already added, please check your image configuration, skipping module repository 'y'",
      ],
    });
  });

  it('belong to all images of a descriptor, which may all list them', async () => {
    const stages = [
      image('[]', '[{name: a}]', 'one'),
      image('[{path: m}]', '[{name: a}]', 'two'),
      image('[{path: m}]', '[]', 'three'),
    ];
    const { description, warnings } = await resolved({
      'image.yaml': `[${stages.join(',\n')}]`,
      'm/a/module.yaml': module('a'),
    });
    expect(description.builders.map(({ modules }) => modules.map(({ name }) => name))).toEqual([
      ['a'],
      ['a'],
    ]);
    expect(warnings).toEqual([]);
  });

  it('that are not there are an error with their place', async () => {
    const files = { 'image.yaml': image('[{path: nix}]', '[]'), nox: '' };
    await expect(modulesOf(files)).rejects.toMatchObject({
      message: expect.stringMatching(/^Error copying resource: 'nix': there is no directory .*\/nix$/),
      at: { line: 1, column: 66 },
    });
    await expect(modulesOf({ ...files, 'image.yaml': image('[{path: nox}]', '[]') })).rejects.toThrow(
      "Error copying resource: 'nox': ",
    );
  });

  it('may be the directory of the descriptor, without the copies in target', async () => {
    const files = {
      'image.yaml': image('[{path: .}]', '[{name: a}]'),
      'a/module.yaml': module('a'),
      'target/repo/modules/a/module.yaml': module('a'),
    };
    expect(await modulesOf(files)).toMatchObject({ modules: ['a'] });
  });

  it('may be links', async () => {
    await using directory = await writeFiles({
      'i/image.yaml': image('[{path: modules}]', '[{name: a}]'),
      'shared/a/module.yaml': module('a'),
    });
    await symlink('../shared', join(directory.path, 'i/modules'));
    const { description } = await resolvedIn(join(directory.path, 'i'));
    expect(description.target.modules).toMatchObject([{ directory: join(directory.path, 'i/modules/a') }]);
  });

  it('of modules are ignored, as is their base image', async () => {
    const files = {
      'image.yaml': image('[{path: m}]', '[{name: a}]'),
      'm/a/module.yaml':
        '{name: a, version: 1, from: g, description: d, release: 1, follow_tag: x, modules: {repositories: [{path: nix}]}, osbs: {repository: {name: r}}}',
    };
    const { description } = await resolved(files);
    expect(description.target).toMatchObject({ from: { text: 'f' }, osbs: { remoteSource: false } });
    expect(description.target.description).toBeUndefined();
  });
});

describe('a git repository', () => {
  const files = {
    'image.yaml': image("[{git: {url: 'https://h/x/cct.mods.git', ref: v1}}]", '[{name: a}]'),
    'elsewhere/a/module.yaml': module('a'),
  };

  it('is checked out and called as its address', async () => {
    await using directory = await writeFiles(files);
    const asked: string[] = [];
    const checkout = async (url: string, ref: string) => {
      asked.push(`${url} ${ref}`);
      return { directory: join(directory.path, 'elsewhere'), commit: '0'.repeat(40) };
    };
    const { description, infos } = await resolvedIn(directory.path, { checkout });
    expect(asked).toEqual(['https://h/x/cct.mods.git v1']);
    expect(description.target.modules).toMatchObject([{ directory: join(directory.path, 'elsewhere/a') }]);
    expect(infos).toEqual([
      `No value found for 'name' in '{"git": {"ref": "v1", "url": "https://h/x/cct.mods.git"}}' artifact; using auto-generated value of 'cct'`,
    ]);
    const commit = 'c'.repeat(40);
    const lock = {
      images: {},
      artifacts: {},
      packages: {},
      repositories: { 'https://h/x/cct.mods.git#v1': commit },
    };
    await resolvedIn(directory.path, { checkout, lock });
    expect(asked[1]).toBe(`https://h/x/cct.mods.git ${commit}`);
  });

  it('must be in the lock file when there is one', async () => {
    const lock = { images: {}, artifacts: {}, packages: {}, repositories: {} };
    await expect(modulesOf(files, { lock })).rejects.toMatchObject({
      message: 'the lock file has no commit for https://h/x/cct.mods.git at v1',
      hint: 'write it anew: ashlar lock',
      at: { line: 1, column: 59 },
    });
  });

  it('that cannot be had is an error at its place', async () => {
    const checkout = async (): Promise<never> => {
      throw new AshlarError('Could not clone from https://h/x/cct.mods.git', { hint: 'try again' });
    };
    await expect(modulesOf(files, { checkout })).rejects.toMatchObject({
      message: 'Could not clone from https://h/x/cct.mods.git',
      hint: 'try again',
      at: { line: 1, column: 59 },
    });
  });
});
