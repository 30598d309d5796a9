import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listStashes } from '../../src/engine/index.ts';
import { has, isRoot } from '../support/tools.ts';
import { readImage, readTags } from './images.ts';
import { archived, DESCRIPTION, type Here, layoutOf, runStash, stashHere, withTree } from './stashes.ts';
import { outputAsRoot, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const workspace = useWorkspace();

const treeProject = (description?: string) => withTree(workspace.project('own'), description);

describe.runIf(has('umoci', 'skopeo', 'getfattr', 'setcap'))('a stash', () => {
  it('is the tree, and then what has changed in it, as others read it', async () => {
    const project = treeProject();
    const inTree = (script: string) => outputAsRoot('sh', ['-ec', script], { cwd: project.at('root') });
    await inTree(`
      mkdir -p x && echo c > x/cap && setcap cap_net_raw+ep x/cap && mkfifo x/fifo
      echo a > x/owned && chown 7:8 x/owned && setfattr -n user.k -v v x/owned && truncate -s 10M x/sparse`);
    const { stdout, stderr } = await runStash(project, ['--root', 'root'], {
      SOURCE_DATE_EPOCH: '1800000000',
    });
    const layout = layoutOf(project);
    expect(stdout).toBe(`oci:${layout}:latest\n`);
    expect(stderr).toContain('the stash of Leap-VM is called leap-vm');
    expect(stderr).toContain(`skopeo copy oci:${layout}:latest`);
    const first = readImage(layout, 'latest');
    expect(first.config).toMatchObject({
      created: '2027-01-15T08:00:00Z',
      config: {
        Entrypoint: ['/bin/sh'],
        Labels: {
          'io.osinside.kiwi.maintainer': 'Ann <ann@example.com>',
          'io.osinside.kiwi.meta': 'KIWI - https://github.com/OSInside/kiwi',
        },
      },
      history: [
        {
          created_by: 'KIWI - https://github.com/OSInside/kiwi',
          comment: 'KIWI Root Tree Stash',
          author: 'Ann <ann@example.com>',
        },
      ],
    });
    expect(first.manifest.annotations).toMatchObject({
      'dev.ashlar.stash.description.name': 'Leap-VM',
      'dev.ashlar.stash.description.version': '1.2.3',
    });
    expect(first.names(0)).not.toContain('run/socket');

    expect(await stashHere(project, { tag: 'v1' })).toMatchObject({ added: undefined, digest: first.digest });
    expect(readImage(layout, 'v1').digest).toBe(first.digest);

    appendFileSync(project.at('root/etc/passwd'), 'ann:x:1:1::/:/bin/sh\n');
    rmSync(project.at('root/bin'));
    mkdirSync(project.at('root/bin'));
    await inTree('chown 9 x/owned && setcap -r x/cap && rm x/fifo');
    await stashHere(project);
    const second = readImage(layout, 'latest');
    expect(second.names(1)).toEqual([
      ...['/', 'bin/', 'etc/', 'etc/passwd', 'x/', 'x/.wh.fifo', 'x/cap', 'x/owned'],
    ]);
    expect(second.layers[0]).toBe(first.layers[0]);
    expect(readImage(layout, 'v1').digest).toBe(first.digest);
    expect(readTags(layout)).toEqual(['v1', 'latest']);

    const seen = await describeTree(await project.unpack('latest', layout));
    const real = await describeTree(project.at('root'));
    const { './run/socket': _, ...expected } = withoutTimes(real);
    expect(withoutTimes(seen)).toEqual(expected);
    execFileSync('skopeo', [
      '--insecure-policy',
      'copy',
      '--quiet',
      `oci:${layout}:v1`,
      `dir:${project.at('copy')}`,
    ]);
  });

  it('names the description that its tree has now', async () => {
    const project = treeProject();
    const listed = async () => {
      const root = archived(project);
      await stashHere(project, { root, name: 'own' });
      const [stash] = await listStashes(project.store);
      return stash?.tags[0]?.description;
    };
    expect(await listed()).toMatchObject({ name: 'Leap-VM', version: '1.2.3' });
    const unversioned = DESCRIPTION.replace(/<version>.*<.version>/, '').replace('Leap-VM', 'Other');
    project.write('root/image/config.xml', unversioned);
    expect(await listed()).toMatchObject({ name: 'Other', version: undefined });
    rmSync(project.at('root/image'), { recursive: true });
    expect(await listed()).toBeUndefined();
  });

  it('is the same for the same tree, wherever and whenever it is read', async () => {
    const [one, other] = [treeProject(), treeProject()];
    for (const project of [one, other])
      execFileSync('find', [project.at('root'), '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
    const [epoch, name] = [1_800_000_000, 'same'];
    const first = await stashHere(one, { epoch, name });
    expect(await stashHere(other, { root: archived(other), epoch, name })).toMatchObject({
      digest: first.digest,
    });
  });

  it('may be of a tar archive, and of a layout with one image', async () => {
    const project = treeProject();
    await stashHere(project);
    expect(await stashHere(project, { root: archived(project) })).toMatchObject({
      added: undefined,
      layers: 1,
      name: 'leap-vm',
    });
    project.write('root/new', 'new\n');
    expect(await stashHere(project, { root: archived(project) })).toMatchObject({
      added: { entries: 2 },
      layers: 2,
    });
    const layout = layoutOf(project);
    execFileSync('skopeo', [
      '--insecure-policy',
      'copy',
      '--quiet',
      `oci:${layout}:latest`,
      `oci:${project.at('image')}:x`,
    ]);
    expect(await stashHere(project, { root: project.at('image'), name: 'copy' })).toMatchObject({
      layers: 1,
      described: true,
    });
    const names = readImage(layoutOf(project, 'copy'), 'latest').names(0);
    expect(names).toContain('new');
    const [copied, original] = await Promise.all(
      [layoutOf(project, 'copy'), layout].map(async path =>
        describeTree(await project.unpack('latest', path)),
      ),
    );
    expect(copied).toEqual(original);
  });

  it('without a description needs a name, and says that it cannot be rebuilt', async () => {
    const project = treeProject();
    rmSync(project.at('root/image'), { recursive: true });
    await expect(stashHere(project, { root: archived(project) })).rejects.toThrow(
      'holds no description in /image',
    );
    const { stderr } = await runStash(project, ['--root', 'root', '--container-name', 'plain']);
    expect(stderr).toContain('the stash can be built upon, but not rebuilt');
  });
});

describe('what stash refuses', () => {
  it.each<[Here, string]>([
    [{ name: 'Big' }, "Image name 'Big' cannot be used as container name"],
    [{ tag: 'a b' }, '"a b" cannot be the tag of an image'],
    [{ root: '/missing' }, 'there is no /missing'],
    [{ root: '/dev/null' }, '/dev/null is neither a directory nor a tar archive'],
  ])('is %j, before any work', async (order, message) => {
    const project = treeProject();
    await expect(stashHere(project, order)).rejects.toThrow(message);
    expect(existsSync(join(project.store, 'stashes'))).toBe(false);
  });

  it('is a command line that makes no sense, with status 2', async () => {
    const project = treeProject();
    for (const args of [
      ['--list', '--root', 'root'],
      ['--root', 'root', '--json'],
    ])
      expect((await runStash(project, args)).status).toBe(2);
  });

  it('is a description that is none', async () => {
    const project = treeProject('<image>');
    await expect(stashHere(project, { root: archived(project) })).rejects.toThrow('not well-formed');
  });

  it.skipIf(isRoot)('is a file that nobody here may read, or that belongs to somebody else', async () => {
    const project = treeProject();
    await outputAsRoot('chown', ['5:5', project.at('root/etc/passwd')]);
    await expect(stashHere(project)).resolves.toMatchObject({ layers: 1 });
    // What belongs to root, who has no id here, may be seen or not.
    await expect(stashHere(project, { root: '/etc', name: 'etc' })).rejects.toThrow(
      expect.objectContaining({ hint: expect.stringContaining('stash a tar archive of the tree') }),
    );
    await expect(stashHere(project, { root: '/usr/share/misc', name: 'misc' })).rejects.toThrow(
      'belongs to a user who does not exist for who stashes it',
    );
  });
});

type Described = Awaited<ReturnType<typeof describeTree>>;

function withoutTimes(tree: Described) {
  return Object.fromEntries(Object.entries(tree).map(([path, { mtime: _, ...entry }]) => [path, entry]));
}
