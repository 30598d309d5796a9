import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildOptions } from '../../src/cli/commands/build-options.ts';
import {
  type BuildEvent,
  type BuildOptions,
  collectGarbage,
  listStashes,
  stashTree,
  withDirectoryOf,
} from '../../src/engine/index.ts';
import { openStash } from '../../src/engine/stash/open.ts';
import { identifyKiwi } from '../../src/recipes/kiwi/index.ts';
import { has, isRoot } from '../support/tools.ts';
import { blobPath, readImage, readTags } from './images.ts';
import { ashlarProgram, outputAsRoot, type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const workspace = useWorkspace();

const DESCRIPTION = `<?xml version="1.0"?>
<image schemaversion="8.0" name="Leap-VM">
  <description type="system"><author>Ann</author><contact>ann@example.com</contact></description>
  <preferences><version>1.2.3</version></preferences>
</image>
`;

/** A project with a small tree in `root`. */
function treeProject(description: string | undefined = DESCRIPTION): Project {
  const project = workspace.project('own');
  for (const path of ['dev', 'proc', 'run', 'sys', 'etc', 'usr/bin'])
    mkdirSync(project.at('root', path), { recursive: true });
  if (description !== undefined) project.write('root/image/config.xml', description);
  project.write('root/image/images.sh', 'echo\n', 0o755);
  project.write('root/etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
  project.write('root/usr/bin/tool', 'tool\n', 0o4755);
  project.write('root/run/socket', '');
  linkSync(project.at('root/usr/bin/tool'), project.at('root/usr/bin/same'));
  symlinkSync('usr/bin', project.at('root/bin'));
  return project;
}

const run = (project: Project, args: readonly string[], env = {}) =>
  project.ashlar(['system', 'stash', ...args], { env });

interface Here {
  readonly root?: string;
  readonly name?: string;
  readonly tag?: string;
  readonly epoch?: number;
}

function optionsOf(project: Project, sourceDateEpoch?: number): BuildOptions {
  const settings = { workDir: '', stackerDir: '', ociDir: '', rootsDir: '', store: project.store };
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  const authorship = { author: 'tester', created: '2027-01-15T08:00:00Z' };
  return { ...options, sourceDateEpoch, ...(sourceDateEpoch !== undefined && { authorship }) };
}

/** The tree in an archive: no namespaces are needed to read it. */
function archived(project: Project): string {
  const tar = project.at('tree.tar');
  const options = ['--exclude=./run/*', '--owner=0', '--group=0', '-C', project.at('root'), '-cf', tar, '.'];
  execFileSync('tar', options);
  return tar;
}

/** Stashes in this process, with all that is said. */
async function stashHere(
  project: Project,
  { root = project.at('root'), name, tag = 'latest', epoch }: Here = {},
) {
  const { signal } = new AbortController();
  const said: string[] = [];
  const emit = (event: BuildEvent) => void (event.kind === 'message' && said.push(event.text));
  const options = optionsOf(project, epoch);
  const stashed = await stashTree({ root, name, tag, describe: identifyKiwi }, options, emit, signal);
  return { ...stashed, said };
}

const layoutOf = (project: Project, name = 'leap-vm') => join(project.store, 'stashes', name);

describe.runIf(has('umoci', 'skopeo', 'getfattr', 'setcap'))('a stash', () => {
  it('is the tree, and then what has changed in it, as others read it', async () => {
    const project = treeProject();
    const inTree = (script: string) => outputAsRoot('sh', ['-ec', script], { cwd: project.at('root') });
    await inTree(`
      mkdir -p x && echo c > x/cap && setcap cap_net_raw+ep x/cap && mkfifo x/fifo
      echo a > x/owned && chown 7:8 x/owned && setfattr -n user.k -v v x/owned && truncate -s 10M x/sparse`);
    const { stdout, stderr } = await run(project, ['--root', 'root'], { SOURCE_DATE_EPOCH: '1800000000' });
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
    const { stderr } = await run(project, ['--root', 'root', '--container-name', 'plain']);
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
      expect((await run(project, args)).status).toBe(2);
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

describe('the list of stashes', () => {
  it('is an object with the home of stashes, sorted, without what cannot be used', async () => {
    const project = treeProject();
    const home = join(project.store, 'stashes');
    expect(await listStashes(project.store)).toEqual([]);
    for (const name of ['b', 'a']) await stashHere(project, { root: archived(project), name });
    mkdirSync(join(home, 'broken'));
    writeFileSync(join(home, 'broken/oci-layout'), '{}');
    expect(JSON.parse((await run(project, ['--list'])).stdout)).toEqual({ [home]: ['a', 'b'] });
    expect(await listStashes(project.store)).toMatchObject([
      {
        name: 'a',
        tags: [{ tag: 'latest', layers: 1, description: { name: 'Leap-VM', version: '1.2.3' } }],
      },
      { name: 'b' },
    ]);
    const { stdout } = await run(project, ['--list', '--details']);
    expect(stdout).toMatch(/^a\n {2}latest {2}1 layer .* Leap-VM 1\.2\.3$/m);
  });
});

describe('a stash in the store', () => {
  it('is one after the other where two are made at once, and survives being killed', async () => {
    const project = treeProject();
    const root = archived(project);
    const all = await Promise.all(['x', 'y'].map(tag => stashHere(project, { root, tag })));
    expect(all.filter(({ added }) => added === undefined)).toHaveLength(1);
    const layout = layoutOf(project);
    const before = readImage(layout, 'x').digest;
    for (const wait of [300, 600]) {
      project.write('root/etc/changed', String(wait));
      const child = spawn(
        ashlarProgram,
        project.arguments(['system', 'stash', '--root', 'root']) as string[],
        {
          cwd: project.path,
          env: { ...process.env, ...project.environment() },
          stdio: 'ignore',
        },
      );
      setTimeout(() => child.kill('SIGKILL'), wait);
      await once(child, 'exit');
      expect(readImage(layout, 'x').digest).toBe(before);
    }
    await stashHere(project);
    const { layers } = readImage(layout, 'latest');
    const names = readdirSync(layout).sort();
    expect(names).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(layers.length).toBeGreaterThan(1);
  });

  it('stays when the store is cleaned up, and can be published', async () => {
    const project = treeProject();
    const root = archived(project);
    await stashHere(project, { root });
    const { signal } = new AbortController();
    const everything = { store: project.store, olderThan: 0, all: true, dryRun: false };
    await collectGarbage(everything, () => {}, signal);
    const [layer = ''] = readImage(layoutOf(project), 'latest').layers;
    expect(existsSync(blobPath(project.store, layer))).toBe(true);
    expect(await stashHere(project, { root })).toMatchObject({ added: undefined });
    const ended = await project.ashlar([
      'publish',
      '--stash',
      'leap-vm',
      '--url',
      `oci:${project.at('out')}`,
    ]);
    expect(ended.stderr).toContain('publishing leap-vm to oci:');
    const { digest } = readImage(layoutOf(project), 'latest');
    expect(readImage(project.at('out'), 'leap-vm_latest').digest).toBe(digest);
  });

  it('gives a directory of it without being unpacked', async () => {
    const project = treeProject();
    symlinkSync('images.sh', project.at('root/image/inside'));
    symlinkSync('../etc/passwd', project.at('root/image/outside'));
    mkdirSync(project.at('root/image/root/etc'), { recursive: true });
    writeFileSync(project.at('root/image/root/etc/empty'), '');
    chmodSync(project.at('root/image/root/etc/empty'), 0o600);
    await stashHere(project, { root: archived(project) });
    const options = optionsOf(project);
    const { signal } = new AbortController();
    const at = { file: 'test', line: 1, column: 1 };
    await using opened = await openStash('leap-vm', {
      store: project.store,
      at,
      temporary: project.path,
      signal,
    });
    const taken = await withDirectoryOf(
      opened.base,
      '/image',
      options,
      () => {},
      signal,
      async directory => {
        if (directory === undefined) return undefined;
        const names = readdirSync(directory, { recursive: true }).map(String).sort();
        return { names, text: readFileSync(join(directory, 'inside'), 'utf8') };
      },
    );
    expect(taken).toEqual({
      names: ['config.xml', 'images.sh', 'inside', 'root', 'root/etc', 'root/etc/empty'],
      text: 'echo\n',
    });
    const none = await withDirectoryOf(
      opened.base,
      '/nothing',
      options,
      () => {},
      signal,
      async found => found,
    );
    expect(none).toBeUndefined();
  });

  it.runIf(isRoot && has('podman'))('is loaded into podman where that is asked for', async () => {
    const project = treeProject();
    const storage = project.at('podman');
    const env = {
      CONTAINERS_STORAGE_CONF: project.write(
        'storage.conf',
        `[storage]\ndriver = "vfs"\ngraphroot = "${storage}"\nrunroot = "${storage}-run"\n`,
      ),
    };
    const ended = await run(project, ['--root', 'root', '--podman'], env);
    expect(ended.stderr).toContain('loaded into podman as localhost/leap-vm:latest');
    const text = execFileSync('podman', ['image', 'inspect', 'localhost/leap-vm:latest'], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    expect(JSON.parse(text)[0].RootFS.Layers).toEqual(
      readImage(layoutOf(project), 'latest').config.rootfs.diff_ids,
    );
  });
});

type Described = Awaited<ReturnType<typeof describeTree>>;

function withoutTimes(tree: Described) {
  return Object.fromEntries(Object.entries(tree).map(([path, { mtime: _, ...entry }]) => [path, entry]));
}
