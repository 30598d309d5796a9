import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { blobPath, namesIn } from './images.ts';
import { busyboxLayout } from './roots.ts';
import { type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

describe.skipIf(!has('umoci', 'busybox', 'getfattr'))('layers of a descriptor', () => {
  const workspace = useWorkspace();

  /** Two modules that hand a file on in /tmp/artifacts, and an image with a file of its own. */
  function described(): Project {
    const project = workspace.project('own');
    const layout = busyboxLayout(project.path);
    const image = {
      name: 'app',
      version: 1,
      from: `oci:${layout}:busybox`,
      modules: { repositories: [{ path: 'modules' }], install: [{ name: 'first' }, { name: 'second' }] },
      artifacts: [
        { path: 'f', dest: '/opt' },
        { path: 'f', name: 'unused' },
      ],
    };
    const module = (name: string, script: string) => {
      const execute = [{ script: 'run.sh' }];
      const content = { name, version: 1, execute };
      project.write(`modules/${name}/module.yaml`, JSON.stringify(content));
      project.write(`modules/${name}/run.sh`, script);
    };
    project.write('image.yaml', JSON.stringify(image));
    project.write('f', 'content\n');
    module(
      'first',
      'set -e\nmkdir -p /tmp/artifacts /srv\necho handed >/tmp/artifacts/on\necho 1 >/srv/first\n',
    );
    module('second', 'set -e\ncp /tmp/artifacts/on /srv/second\n');
    return project;
  }

  /** The names in the layers above the base. */
  async function layersOf(project: Project, ...flags: readonly string[]): Promise<readonly string[][]> {
    const { status, stderr } = await project.ashlar(['build', ...flags]);
    expect(status, stderr).toBe(0);
    const layers = project.image('app:1').layers.slice(1);
    return layers.map(digest => namesIn(blobPath(project.oci, digest)).map(name => name.replace(/\/$/, '')));
  }

  it('are one, one for each module, or one for each statement, with the same tree and nothing of the scripts', async () => {
    const project = described();
    const one = await layersOf(project);
    const [names = []] = one;
    expect(one).toHaveLength(1);
    expect(names.filter(name => name !== '').toSorted()).toEqual([
      'opt',
      'opt/f',
      'srv',
      'srv/first',
      'srv/second',
    ]);
    const tree = await describeTree(await project.unpack('app:1'));
    expect(Object.keys(tree).filter(path => path.startsWith('./tmp/'))).toEqual([]);

    const modules = await layersOf(project, '--layers');
    expect(modules.map(names => names.filter(name => name.includes('/')))).toEqual([
      ['srv/first'],
      ['srv/second'],
      ['opt/f'],
    ]);
    expect(await describeTree(await project.unpack('app:1'))).toEqual(tree);

    const statements = await layersOf(project, '--no-squash');
    expect(statements.length).toBeGreaterThanOrEqual(3);
    expect(statements.flat().filter(name => /^tmp\/(scripts|artifacts)/.test(name))).toEqual([]);
    expect(await describeTree(await project.unpack('app:1'))).toEqual(tree);
  });
});
