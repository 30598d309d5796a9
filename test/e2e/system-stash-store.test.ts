import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collectGarbage, listStashes, withDirectoryOf } from '../../src/engine/index.ts';
import { openStash } from '../../src/engine/stash/open.ts';
import { has, isRoot } from '../support/tools.ts';
import { blobPath, readImage } from './images.ts';
import { archived, layoutOf, optionsOf, runStash, stashHere, withTree } from './stashes.ts';
import { ashlarProgram, useWorkspace } from './support.ts';

const workspace = useWorkspace();

const treeProject = () => withTree(workspace.project('own'));

describe('the list of stashes', () => {
  it('is an object with the home of stashes, sorted, without what cannot be used', async () => {
    const project = treeProject();
    const home = join(project.store, 'stashes');
    expect(await listStashes(project.store)).toEqual([]);
    for (const name of ['b', 'a']) await stashHere(project, { root: archived(project), name });
    mkdirSync(join(home, 'broken'));
    writeFileSync(join(home, 'broken/oci-layout'), '{}');
    expect(JSON.parse((await runStash(project, ['--list'])).stdout)).toEqual({ [home]: ['a', 'b'] });
    expect(await listStashes(project.store)).toMatchObject([
      {
        name: 'a',
        tags: [{ tag: 'latest', layers: 1, description: { name: 'Leap-VM', version: '1.2.3' } }],
      },
      { name: 'b' },
    ]);
    const { stdout } = await runStash(project, ['--list', '--details']);
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
    const ended = await runStash(project, ['--root', 'root', '--podman'], env);
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
