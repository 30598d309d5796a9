import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findModuleFiles } from '../../../../src/recipes/cekit/modules/find.ts';
import { writeFiles } from '../load.ts';

const tree = {
  'repo/z/module.yaml': '',
  'repo/module.yaml': '',
  'repo/a/deep/er/module.yaml': '',
  'repo/a/module.yaml': '',
  'repo/a/module.yml': '',
  'repo/.hidden/module.yaml': '',
  'repo/.git/module.yaml': '',
  'repo/target/repo/a/module.yaml': '',
  'outside/b/module.yaml': '',
};

describe('modules are found', () => {
  it('at any depth, those of a directory before those below it, by name', async () => {
    await using files = await writeFiles(tree);
    expect(await find(files.path)).toEqual(
      ['', '.hidden/', 'a/', 'a/deep/er/', 'z/'].map(path => `repo/${path}`),
    );
  });

  it('behind links, every directory once and last', async () => {
    await using files = await writeFiles(tree);
    await symlink('../outside', join(files.path, 'repo/a-link'));
    await symlink('z', join(files.path, 'repo/a/to-z'));
    await symlink('../../repo', join(files.path, 'outside/b/back'));
    await symlink('.', join(files.path, 'repo/z/self'));
    await symlink('/', join(files.path, 'repo/z/everything'));
    await symlink('nowhere', join(files.path, 'repo/z/dangling'));
    await symlink('loop', join(files.path, 'repo/z/loop'));
    expect(await find(files.path)).toEqual([
      ...['', '.hidden/', 'a/', 'a/deep/er/', 'z/'].map(path => `repo/${path}`),
      'repo/a-link/b/',
    ]);
  });

  it('only inside, where links must not lead out', async () => {
    await using files = await writeFiles(tree);
    await mkdir(join(files.path, 'repo/links/one'), { recursive: true });
    await mkdir(join(files.path, 'repo/links/two'));
    await symlink('../../outside', join(files.path, 'repo/links/out'));
    await symlink('../../../outside/b/module.yaml', join(files.path, 'repo/links/one/module.yaml'));
    await symlink('../../z/module.yaml', join(files.path, 'repo/links/two/module.yaml'));
    const inside = ['', '.hidden/', 'a/', 'a/deep/er/', 'links/two/', 'z/'].map(path => `repo/${path}`);
    expect(await find(files.path, { leave: false })).toEqual(inside);
    expect(await find(files.path)).toEqual([
      ...inside.slice(0, 4),
      'repo/links/one/',
      ...inside.slice(4),
      'repo/links/out/b/',
    ]);
  });

  it('as files only', async () => {
    await using files = await writeFiles({ 'repo/a/module.yaml/module.yaml': '' });
    await writeFile(join(files.path, 'repo/module.yaml.bak'), '');
    expect(await find(files.path)).toEqual(['repo/a/module.yaml/']);
  });
});

async function find(path: string, { leave = true } = {}): Promise<readonly string[]> {
  const found = await findModuleFiles(join(path, 'repo'), { except: join(path, 'repo/target'), leave });
  return found.map(file => file.slice(path.length + 1, -'module.yaml'.length));
}
