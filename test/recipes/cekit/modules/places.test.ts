import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFiles } from '../load.ts';
import { resolvedIn } from '../resolved.ts';

/** Where artifacts of the module in `modules/deep/m` lead, relative to the directory of all files. */
async function pathsFrom(
  paths: readonly string[],
  files: Readonly<Record<string, string>>,
  { repositories = '[{path: modules}]', cwd = '.', descriptor = 'image.yaml' } = {},
): Promise<readonly string[]> {
  await using directory = await writeFiles({
    [join(cwd, descriptor)]:
      `{name: i, version: '1', from: f, modules: {repositories: ${repositories}, install: [{name: m}]}}`,
    'modules/deep/m/module.yaml': JSON.stringify({
      name: 'm',
      version: '1',
      artifacts: paths.map((path, i) => ({ name: `artifact ${i}`, path })),
    }),
    ...files,
  });
  const { description } = await resolvedIn(join(directory.path, cwd), { descriptor });
  const artifacts = description.target.modules.flatMap(module => module.artifacts);
  return artifacts.map(artifact =>
    artifact.kind === 'path' ? artifact.path.replace(`${directory.path}/`, '') : artifact.kind,
  );
}

describe('a path in a module', () => {
  it('is relative to the module', async () => {
    const paths = ['own.bin', './sub/../own.bin', '../beside', '../../top', '/etc/hostname'];
    expect(await pathsFrom(paths, { 'own.bin': '', 'modules/top': '', beside: '' })).toEqual([
      'modules/deep/m/own.bin',
      'modules/deep/m/own.bin',
      'modules/deep/beside',
      'modules/top',
      '/etc/hostname',
    ]);
  });

  it('counts from the copy in target/repo that CEKit would make, where something is there', async () => {
    const paths = ['../../../../../beside-image', '../../../../../../above', '../../../../../missing'];
    const files = { 'w/beside-image': '', above: '' };
    expect(await pathsFrom(paths, files, { cwd: 'w', repositories: '[{path: ../modules}]' })).toEqual([
      'w/beside-image',
      'above',
      // Neither that nor what is relative to the module itself: the latter is what people see in the message.
      expect.stringMatching(/^\/.*missing$/),
    ]);
  });

  it('finds what is in another repository', async () => {
    const repositories =
      '[{path: modules}, {path: other/place, target: neighbour}, {name: far, path: far/away}, {name: far, path: far/off}]';
    const files = { 'other/place/x/file': '', 'far/off/file': '', 'far/away/x': '' };
    const paths = ['../../../neighbour/x/file', '../../../far/file', '../../../modules/deep/m/module.yaml'];
    expect(await pathsFrom(paths, files, { repositories })).toEqual([
      'other/place/x/file',
      'far/off/file',
      'modules/deep/m/module.yaml',
    ]);
  });

  it('counts from the module where nothing is beside the copy', async () => {
    const files = { 'natural.txt': '', 'both.txt': '', 'w/x/y/both.txt': '' };
    const paths = ['../../../natural.txt', '../../../../../x/y/both.txt', '../../../both.txt'];
    expect(await pathsFrom(paths, files, { cwd: 'w', repositories: '[{path: ../modules}]' })).toEqual([
      'natural.txt',
      'w/x/y/both.txt',
      'both.txt',
    ]);
  });

  it('counts from the directory of the call, not of the descriptor', async () => {
    const files = { 'here.txt': '', 'sub/here.txt': '', 'sub/only.txt': '' };
    const options = { descriptor: 'sub/image.yaml', repositories: '[{path: ../modules}]' };
    expect(await pathsFrom(['../../../../../here.txt'], files, options)).toEqual(['here.txt']);
  });
});

describe('a path in a module of a git repository', () => {
  /** Where the one artifact of the module leads, relative to the directory of all files. */
  async function pathOf(artifact: (directory: string) => object): Promise<string> {
    await using directory = await writeFiles({
      'w/image.yaml':
        "{name: i, version: '1', from: f, modules: {repositories: [{path: own}, {git: {url: u, ref: r}}], install: [{name: m}]}}",
      'w/own/file': '',
      'w/beside': '',
      'checkout/m/file': '',
      secret: '',
    });
    const { path } = directory;
    const module = { name: 'm', version: '1', artifacts: [{ name: 'a', ...artifact(path) }] };
    await writeFile(join(path, 'checkout/m/module.yaml'), JSON.stringify(module));
    await symlink('../../secret', join(path, 'checkout/m/link'));
    const checkout = async () => ({ directory: join(path, 'checkout'), commit: '0'.repeat(40) });
    const { description } = await resolvedIn(join(path, 'w'), { checkout });
    const [found] = description.target.modules.flatMap(({ artifacts }) => artifacts);
    return found?.kind === 'path' ? found.path.replace(`${path}/`, '') : '';
  }

  it('leads to what is in repositories and in the current directory', async () => {
    expect(await pathOf(() => ({ path: 'file' }))).toBe('checkout/m/file');
    expect(await pathOf(() => ({ path: '../../own/file' }))).toBe('w/own/file');
    expect(await pathOf(() => ({ path: '../../../../beside' }))).toBe('w/beside');
    expect(await pathOf(() => ({ path: 'missing' }))).toBe('checkout/m/missing');
  });

  it.each([
    ['a path', (directory: string) => ({ path: `${directory}/secret` })],
    ['a path upwards', () => ({ path: '../../secret' })],
    ['a link', () => ({ path: 'link' })],
    ['an address', (directory: string) => ({ url: `file://${directory}/secret` })],
  ])('leads to no other file of the machine: %s', async (_, artifact) => {
    await expect(pathOf(artifact)).rejects.toMatchObject({
      message: expect.stringMatching(/ of the module 'm' is neither in a repository nor in this directory$/),
      at: { file: expect.stringMatching(/checkout\/m\/module\.yaml$/), line: 1 },
    });
  });
});
