/** What is removed from every kind of base, as the raw layer tells it and as umoci understands it. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxRoot, packTar, umoci, useBusybox } from './roots.ts';
import { outputAsRoot, type Project, stackerProgram, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

/** What the bases have besides a busybox. */
const files = [
  ...['d/a', 'd/b', 'd/c', 'd/sub/x', 'e/1', 'e/2', 'g/z', 'deep/er/f', 'kept/f', 'from/f', 'to/g'],
  ...['real/in', 'file', 'dir/in', 'inner/again/1', 'inner/again/2'],
];
const links = { dl: 'd', abs: '/real', dropped: 'd', swap: 'd' };

const changes: readonly (readonly [what: string, names: readonly string[]])[] = [
  ['rm /d/a; rm -r /d/sub', ['d/', 'd/.wh.a', 'd/.wh.sub']],
  ['rm /dl/b; touch /dl/new', ['d/.wh.b', 'd/new']],
  ['rm -r /e; mkdir /e; touch /e/3', ['e/', 'e/.wh..wh..opq', 'e/3']],
  ['rm -r /g', ['.wh.g']],
  ['rm -r /deep; mkdir -p /deep/er', ['deep/', 'deep/.wh..wh..opq', 'deep/er/']],
  ['rm -r /inner/again; mkdir /inner/again', ['inner/', 'inner/again/', 'inner/again/.wh..wh..opq']],
  ['chmod 700 /kept', ['kept/']],
  ['mv /from/f /to/f', ['from/', 'from/.wh.f', 'to/', 'to/f']],
  ['touch /abs/new', ['real/', 'real/new']],
  ['rm /file; mkdir /file; touch /file/in', ['file/', 'file/in']],
  ['rm -r /dir; touch /dir', ['dir']],
  ['rm /dropped', ['.wh.dropped']],
  ['rm /swap; mkdir /swap; touch /swap/own', ['swap/', 'swap/own']],
  ['mkdir /fresh; touch /fresh/x; rm /fresh/x', ['fresh/']],
  ['touch /passing; rm /passing; mkdir /to/passing; rmdir /to/passing', []],
];

const after = [
  ...['abs', 'd', 'd/c', 'd/new', 'deep', 'deep/er', 'dir', 'dl', 'e', 'e/3', 'file', 'file/in', 'fresh'],
  ...['from', 'inner', 'inner/again', 'kept', 'kept/f', 'real', 'real/in', 'real/new', 'swap', 'swap/own'],
  ...['to', 'to/f', 'to/g'],
];

describe.skipIf(!has('umoci', 'busybox'))('stacker records what is gone', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });
  const tree = join(workspace.path, 'tree');
  const layout = join(workspace.path, 'layout');

  beforeAll(() => {
    busyboxRoot(workspace.path);
    for (const path of files) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), path);
    }
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(tree, name));
    packTar(tree, join(workspace.path, 'tree.tar'));
    const whole = join(workspace.path, 'whole');
    cpSync(join(workspace.path, 'busybox'), whole, { recursive: true, verbatimSymlinks: true });
    cpSync(tree, whole, { recursive: true, verbatimSymlinks: true });
    packTar(whole, join(workspace.path, 'whole.tar'));
    umoci('init', '--layout', layout);
    umoci('new', '--image', `${layout}:base`);
    for (const tar of ['busybox.tar', 'tree.tar'])
      umoci('raw', 'add-layer', '--image', `${layout}:base`, join(workspace.path, tar));
  });

  const run = ['#!/bin/sh -e', ...changes.map(([command]) => command)].join('\n');
  const make = {
    from: busybox,
    imports: [tree],
    run: '#!/bin/sh -e\ncp -a /stacker/imports/tree/. /',
  };
  const bases: Readonly<Record<string, Readonly<Record<string, object>>>> = {
    'a tar file': { one: { from: { type: 'tar', url: join(workspace.path, 'whole.tar') } } },
    'an image of a layout': { one: { from: { type: 'oci', url: `${layout}:base` } } },
    'a layer that is emitted': { base: make, one: { from: built('base') } },
    'a layer that is build_only': { base: { ...make, build_only: true }, one: { from: built('base') } },
    overlay_dirs: { one: { from: busybox, overlay_dirs: [{ source: tree }] } },
    'an import with dest': { one: { from: busybox, imports: [{ path: `${tree}/`, dest: '/' }] } },
  };

  /** The paths in an image that the base's busybox does not have. */
  async function pathsOf(project: Project, tag: string): Promise<readonly string[]> {
    const paths = Object.keys(await describeTree(await project.unpack(tag))).map(path => path.slice(2));
    return paths.filter(path => path !== '' && !/^(bin|etc|tmp|usr|var)(\/|$)/.test(path)).sort();
  }

  it.each(Object.entries(bases))('in %s', async (_, { one, ...below }) => {
    const project = workspace.project();
    await project.build({ ...below, one: { ...one, run } });
    const image = project.image('one');
    expect([...image.names(-1)].sort()).toEqual(['/', ...changes.flatMap(([, names]) => names)].sort());
    expect(await pathsOf(project, 'one')).toEqual(after);
    // The opaque mark of a directory comes right after the directory.
    for (const [i, name] of image.names(-1).entries())
      if (name.endsWith('/.wh..wh..opq')) expect(image.names(-1)[i - 1]).toBe(name.slice(0, -12));
  });

  it('for layers above, which see neither the marks nor what is gone', async () => {
    const project = workspace.project();
    await project.build({
      base: { ...make, build_only: true },
      one: { from: built('base'), run },
      two: {
        from: built('one'),
        run: '#!/bin/sh -e\nfind / -xdev -name ".wh*" >/marks; ls -A /d /e /deep/er /inner/again >/left',
      },
    });
    expect(await project.fileOf('two', 'marks')).toBe('');
    expect(await project.fileOf('two', 'left')).toBe('/d:\nc\nnew\n\n/deep/er:\n\n/e:\n3\n\n/inner/again:\n');
    expect(await pathsOf(project, 'two')).toEqual([...after, 'left', 'marks'].sort());
  });

  it('in the directory of another layer when they are imported from there', async () => {
    const project = workspace.project();
    await project.build({
      base: { ...make, build_only: true },
      gone: { from: built('base'), run, build_only: true },
      one: {
        from: busybox,
        imports: ['d', 'e', 'inner'].map(name => ({ path: `stacker://gone/${name}`, dest: `/${name}` })),
      },
    });
    expect(await pathsOf(project, 'one')).toEqual(after.filter(path => /^(d|e|inner)(\/|$)/.test(path)));
    const marks = project
      .image('one')
      .names(-1)
      .filter(name => name.includes('.wh.'));
    expect(marks).toEqual([]);
  });

  it('also where the directory of the mark belongs to others and is closed', async () => {
    const project = workspace.project();
    await project.build({
      base: {
        from: busybox,
        run: 'mkdir /x /y; touch /x/gone /x/left /y/gone; chown 7:8 /x; chmod 500 /x; chmod 0 /y',
      },
      one: { from: built('base'), run: 'rm /x/gone /y/gone' },
    });
    expect(project.image('one').names(-1)).toEqual(['/', 'x/', 'x/.wh.gone', 'y/', 'y/.wh.gone']);
    const root = await project.unpack('one');
    const found = await outputAsRoot('find', [join(root, 'x'), join(root, 'y'), '-printf', '%m %U:%G %f\n']);
    expect(found).toBe('500 7:8 x\n644 0:0 left\n0 0:0 y\n');
  });
});
