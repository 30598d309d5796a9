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
