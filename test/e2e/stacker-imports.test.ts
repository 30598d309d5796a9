/** Where imports go, from every kind of source, and what the older forms of the directive mean. */
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { type Project, stackerProgram, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('imports of stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  /** A project with the file `f` and the directory `d1`. */
  function withFiles(): Project {
    const project = workspace.project();
    project.write('f', 'f');
    project.write('d1/inner', 'inner');
    project.write('d1/sub/tool', 'tool', 0o755);
    return project;
  }

  /** A layer that has what `withFiles` makes in /p, and nothing else: no shell, no cp. */
  const source = {
    from: scratch,
    imports: [
      { path: 'f', dest: '/p/' },
      { path: 'd1', dest: '/p/' },
    ],
    build_only: true,
  };

  it('go where the slashes say, from the host, from other layers and by http alike', async () => {
    const files: readonly (readonly [dest: string, names: readonly string[]])[] = [
      ['/d/', ['/', 'd/', 'd/f']],
      ['/d/g', ['/', 'd/', 'd/g']],
      ['/', ['/', 'f']],
      ['/usr/bin', ['/', 'usr/', 'usr/bin']],
      ['/a/b/c/', ['/', 'a/', 'a/b/', 'a/b/c/', 'a/b/c/f']],
      ['//a/./b/../c', ['/', 'a/', 'a/c']],
    ];
    const content = (top: string) => [`${top}inner`, `${top}sub/`, `${top}sub/tool`];
    const directories: readonly (readonly [path: string, dest: string, names: readonly string[]])[] = [
      ['d1', '/d2', ['/', 'd2/', ...content('d2/')]],
      ['d1/', '/d2', ['/', 'd2/', ...content('d2/')]],
      ['d1/', '/d2/', ['/', 'd2/', ...content('d2/')]],
      ['d1', '/d2/', ['/', 'd2/', 'd2/d1/', ...content('d2/d1/')]],
      ['d1/', '/', ['/', ...content('')]],
      ['d1/sub/', '/x/', ['/', 'x/', 'x/tool']],
    ];
    await using server = await serve((_, response) => void response.end('f'));
    const project = withFiles();
    const places = { host: '', layer: 'stacker://source/p/', http: `${server.url}/some/` };
    const wanted = Object.entries(places).flatMap(([kind, place]) => [
      ...files.map(([dest, names], i) => ({ tag: `file-${kind}-${i}`, path: `${place}f`, dest, names })),
      ...(kind === 'http' ? [] : directories).map(([path, dest, names], i) => ({
        tag: `directory-${kind}-${i}`,
        path: place + path,
        dest,
        names,
      })),
    ]);
    const layers = wanted.map(({ tag, path, dest }) => [tag, { from: scratch, imports: [{ path, dest }] }]);
    await project.build({ source, ...Object.fromEntries(layers) });
    for (const { tag, names } of wanted) {
      const image = project.image(tag);
      expect([tag, image.layers.length, image.names(0)]).toEqual([tag, 1, names]);
    }
    expect(project.tags()).not.toContain('source');
  });

  it('come as a whole tree out of a layer', async () => {
    const project = withFiles();
    await project.build({
      source,
      all: { from: scratch, imports: [{ path: 'stacker://source/', dest: '/all/' }] },
      seen: { from: busybox, imports: ['stacker://source/p'], run: 'ls /stacker/imports/p/d1 >/seen' },
    });
    expect(project.image('all').names(0)).toContain('all/p/d1/sub/tool');
    expect(await project.fileOf('seen', 'seen')).toBe('inner\nsub\n');
  });

  it('come out of what a layer itself deleted, changed and got from others', async () => {
    const project = withFiles();
    await project.build({
      low: {
        from: busybox,
        run: 'mkdir /w; echo low >/w/a; echo low >/w/b; echo low >/w/c',
        build_only: true,
      },
      mid: {
        from: built('low'),
        imports: [{ path: 'f', dest: '/w/' }],
        overlay_dirs: [{ source: 'd1', dest: '/w' }],
        run: 'rm /w/a; echo mid >/w/b',
        build_only: true,
      },
      top: { from: scratch, imports: [{ path: 'stacker://mid/w', dest: '/w' }] },
    });
    expect(project.image('top').names(0)).toEqual([
      ...['/', 'w/', 'w/b', 'w/c', 'w/f', 'w/inner', 'w/sub/', 'w/sub/tool'],
    ]);
    expect(await project.fileOf('top', 'w/b')).toBe('mid\n');
  });

  it('without dest are under their own name: with a slash at the end, through links, twice the same', async () => {
    const project = withFiles();
    project.write('other/f', 'other f');
    symlinkSync('other', project.at('way'));
    const { stdout, stderr } = await project.build({
      slash: { from: busybox, imports: ['d1/'], run: '#!/bin/sh\nls /stacker/imports/d1' },
      link: { from: busybox, imports: ['way/f'], run: '#!/bin/sh\ncat /stacker/imports/f; echo' },
      twice: { from: busybox, imports: ['f', 'other/f'], run: '#!/bin/sh\ncat /stacker/imports/f; echo' },
    });
    expect(stdout).toBe('inner\nsub\nother f\nother f\n');
    expect(stderr).toMatch(/^layer 'twice' has several imports named 'f'/m);
  });

  it('are gone from where run sees them when they are gone from the file', async () => {
    const project = withFiles();
    const run = '#!/bin/sh\nls /stacker/imports';
    const both = await project.build({ one: { from: busybox, imports: ['f', 'd1'], run } });
    expect(both.stdout).toBe('d1\nf\n');
    const one = await project.build({ one: { from: busybox, imports: ['f'], run } });
    expect(one.stdout).toBe('f\n');
    expect(existsSync(project.at('.stacker'))).toBe(true);
    const kept = readdirSync(project.at('.stacker/imports/one')).filter(name => !name.startsWith('.'));
    expect(kept).toEqual(['f']);
  });

  it('are taken anew when a name comes from another place, and the log says so', async () => {
    const project = withFiles();
    project.write('other/f', 'other f');
    const file = (path: string) => ({
      one: { from: busybox, imports: [path], run: '#!/bin/sh\ncat /stacker/imports/f' },
    });
    expect((await project.build(file('f'))).stdout).toBe('f');
    const { stdout, stderr } = await project.build(file('other/f'));
    expect(stdout).toBe('other f');
    expect(stderr).toContain(`${project.at('f')} url changed to ${project.at('other/f')}, pruning cache\n`);
  });

  it('of the older form take every source and form, and warn once per layer', async () => {
    await using server = await serve((_, response) => void response.end('http'));
    const project = withFiles();
    const run =
      '#!/bin/sh -e\ncd /stacker; for f in *; do test ! -f $f || cat $f; done; echo; cat /.stacker/imports/f';
    const { stdout, stderr } = await project.build({
      source,
      list: {
        from: busybox,
        import: ['f', 'stacker://source/p/d1/inner', `${server.url}/web`, { path: 'd1', dest: '/into/' }],
        run,
      },
      text: { from: busybox, import: 'f\nd1', run: 'test -f /stacker/f -a -d /stacker/d1' },
      empty: { from: busybox, import: null, imports: ['f'], run: 'test -f /stacker/imports/f' },
    });
    expect(stdout).toContain('finnerhttp\nf');
    expect(project.image('list').names(-1)).toEqual([
      ...['/', 'into/', 'into/d1/', 'into/d1/inner', 'into/d1/sub/', 'into/d1/sub/tool'],
    ]);
    const warned = (layer: string) =>
      stderr.split(
        `'import' directive used in layer '${layer}' inside file 'stacker.yaml' is deprecated. Support for 'import' ` +
          "will be removed in releases after 2025-01-01. Migrate by changing 'import' to 'imports' and '/stacker' to " +
          "'/stacker/imports'. See https://github.com/project-stacker/stacker/issues/571 for migration. (stacker.yaml:",
      ).length - 1;
    expect([warned('list'), warned('text')]).toEqual([1, 1]);
    expect(stderr).not.toContain("layer 'source'");
  });

  it('may be read-only, for plain users too, in every build', async () => {
    const project = withFiles();
    chmodSync(project.at('d1/inner'), 0o400);
    chmodSync(project.at('d1/sub/tool'), 0o500);
    chmodSync(project.at('d1/sub'), 0o500);
    chmodSync(project.at('d1'), 0o500);
    const file = (text: string) => ({
      one: {
        from: busybox,
        imports: ['d1', { path: 'd1', dest: '/d1' }],
        run: `echo ${text} >/text; cp -a /stacker/imports/d1 /copy`,
      },
    });
    try {
      await project.build(file('1'));
      await project.build(file('2'));
      expect(await project.fileOf('one', 'copy/inner')).toBe('inner');
      await project.ashlar(['clean']);
      for (const name of ['.stacker', 'roots', 'oci']) expect(existsSync(project.at(name))).toBe(false);
    } finally {
      for (const name of ['d1', 'd1/sub']) chmodSync(project.at(name), 0o700);
    }
  });

  it('cannot come out of a bind mount, nor a directory with a hash', async () => {
    const project = withFiles();
    mkdirSync(project.at('out'));
    const bound = await project.failure({
      one: { from: busybox, binds: ['out -> /out'], run: 'touch /out/f', build_only: true },
      two: { from: scratch, imports: [{ path: 'stacker://one/out/f', dest: '/' }] },
    });
    expect(bound).toContain('/out/f of layer one is in its bind mount /out');
    const hashed = await project.failure({
      one: { from: scratch, imports: [{ path: 'd1', dest: '/d', hash: 'a'.repeat(64) }] },
    });
    expect(hashed).toContain('d1');
    expect(project.tags()).toEqual([]);
  });
});
