/** What the images say of themselves: config, history, annotations, and their place in index.json. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxLayout, umoci, useBusybox } from './roots.ts';
import { type Project, stackerProgram, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox', 'git'))('an image of stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });
  const configOf = (project: Project, tag: string) => project.image(tag).config.config;

  it('continues the config and the annotations of a foreign base, and changes what is given', async () => {
    const project = workspace.project();
    const layout = busyboxLayout(workspace.path, 'foreign');
    umoci(
      ...['config', '--image', `${layout}:foreign`, '--author', 'somebody else'],
      ...['--config.env', 'A=base', '--config.env', 'B=base', '--config.label', 'a=base'],
      ...['--config.label', 'b=base', '--config.volume', '/base', '--config.cmd', 'base cmd'],
      ...['--config.entrypoint', '/base', '--config.exposedports', '80/tcp', '--config.stopsignal', 'SIGINT'],
      ...['--manifest.annotation', 'org.a=base', '--manifest.annotation', 'org.b=base'],
    );
    await project.build({
      one: {
        from: { type: 'oci', url: `${layout}:foreign` },
        environment: { B: 'one', C: 'one' },
        labels: { b: 'one' },
        volumes: ['/one'],
        cmd: ['one'],
        annotations: { 'org.b': 'one' },
      },
      two: { from: built('one'), labels: { c: 'two' } },
    });
    for (const tag of ['one', 'two']) {
      expect(configOf(project, tag)).toMatchObject({
        Env: expect.arrayContaining(['A=base', 'B=one', 'C=one']),
        Labels: { a: 'base', b: 'one' },
        Volumes: { '/base': {}, '/one': {} },
        Entrypoint: ['/base'],
        Cmd: ['one'],
        ExposedPorts: { '80/tcp': {} },
        StopSignal: 'SIGINT',
      });
      expect(project.image(tag).manifest.annotations).toMatchObject({ 'org.a': 'base', 'org.b': 'one' });
    }
    expect(configOf(project, 'two')?.Labels).toEqual({ a: 'base', b: 'one', c: 'two' });
    const { history = [] } = project.image('one').config;
    const inherited = history.filter(entry => !/^stacker /.test(entry.created_by ?? ''));
    expect(inherited.length).toBeGreaterThan(0);
    expect(history.slice(0, inherited.length)).toEqual(inherited);
  });

  it('inherits entrypoint and command through a chain until full_command replaces both', async () => {
    const project = workspace.project();
    await project.build({
      a: { from: scratch, entrypoint: ['/entry', 'a b'], cmd: "x 'y z'" },
      b: { from: built('a'), labels: { b: 'b' } },
      c: { from: built('b'), cmd: 'c' },
      d: { from: built('c'), full_command: '/full "" end' },
      e: { from: built('d'), cmd: 'again' },
      f: { from: built('e'), entrypoint: [], cmd: [] },
    });
    const commandOf = (tag: string) => {
      const { Entrypoint, Cmd } = configOf(project, tag) ?? {};
      return [Entrypoint ?? [], Cmd ?? []];
    };
    expect(commandOf('b')).toEqual([
      ['/entry', 'a b'],
      ['x', 'y z'],
    ]);
    expect(commandOf('c')).toEqual([['/entry', 'a b'], ['c']]);
    expect(commandOf('d')).toEqual([['/full', '', 'end'], []]);
    expect(commandOf('e')).toEqual([['/full', '', 'end'], ['again']]);
    expect(commandOf('f')).toEqual([[], []]);
  });

  it('prints scalars as YAML 1.1 reads them', async () => {
    const project = workspace.project();
    await project.build(
      [
        'one:',
        '  from: {type: scratch}',
        '  runtime_user: 0755',
        '  labels: {a: 1.10, b: yes, c: "1.10", d: 0x10, e: off, f: 1_000, g: ~}',
        '  environment: {V: 010, T: 2001-02-03}',
        '  working_dir: /a b',
      ].join('\n'),
    );
    expect(configOf(project, 'one')).toMatchObject({
      User: '493',
      Labels: { a: '1.1', b: 'true', c: '1.10', d: '16', e: 'false', f: '1000', g: '' },
      Env: expect.arrayContaining(['V=8']),
      WorkingDir: '/a b',
    });
  });

  it('tells in its history each layer by its maker, and ends with the build itself', async () => {
    const project = workspace.project();
    project.write('o/f', '');
    project.write('g', '');
    await project.build({
      base: { from: busybox, overlay_dirs: [{ source: 'o' }], run: 'touch /base', build_only: true },
      top: {
        from: built('base'),
        overlay_dirs: [
          { source: 'o', dest: '/o1' },
          { source: 'o', dest: '/o2' },
        ],
        imports: [{ path: 'g', dest: '/g' }],
        run: 'touch /top',
      },
    });
    const { config } = project.image('top');
    const layers = config.history?.filter(entry => !entry.empty_layer).map(entry => entry.created_by) ?? [];
    expect(layers.slice(1, 5)).toEqual([
      'stacker overlay dir for base',
      'stacker build of base',
      'stacker overlay dir for top',
      'stacker overlay dir for top',
    ]);
    expect(layers.at(-1)).toBe('stacker build of top');
    expect(layers).toHaveLength(config.rootfs.diff_ids.length);
    expect(config.history?.at(-1)).toMatchObject({ created_by: 'stacker build', empty_layer: true });
  });

  it('names its author after the user who called sudo', async () => {
    const project = workspace.project();
    const one = { one: { from: scratch, labels: { who: 'sudo' } } };
    await project.build(one, [], { env: { SUDO_USER: 'jane' } });
    expect(project.image('one').config.author).toMatch(/^jane@/);
  });

  it('has the platform that was asked for, of the host when none was', async () => {
    const project = workspace.project();
    await project.build({
      own: { from: scratch },
      other: { from: scratch, os: 'linux', arch: 's390x' },
      child: { from: built('other'), arch: 's390x' },
    });
    const platformOf = (tag: string) => {
      const { os, architecture } = project.image(tag).config;
      return `${os}/${architecture}`;
    };
    const host = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
    expect([platformOf('own'), platformOf('other')]).toEqual([`linux/${host}`, 'linux/s390x']);
    expect(platformOf('child')).toBe('linux/s390x');
    for (const directive of ['os', 'arch']) {
      expect(await project.failure(`one:\n  from: {type: scratch}\n  ${directive}:\n`)).toContain(
        `error: stackerfile: "${directive}" value cannot be empty\n`,
      );
    }
  });

  it('carries the git revision of the directory of its file: tag, distance, dirt', async () => {
    const project = workspace.project();
    const text = (label: string) => `one:\n  from: {type: scratch}\n  labels: {l: ${label}}\n`;
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: project.path,
        encoding: 'utf8',
      }).trim();
    const version = async (label: string) => {
      await project.build(text(label));
      return project.image('one').manifest.annotations?.['io.stackeroci.stacker.git_version'];
    };
    project.writeStackerFile(text('a'));
    git('init', '--quiet');
    git('add', 'stacker.yaml');
    git('commit', '--quiet', '-m', 'x');
    expect(await version('a')).toBe(git('rev-parse', 'HEAD'));
    git('tag', 'v1.0');
    expect(await version('a')).toBe('v1.0');
    expect(await version('b')).toBe('v1.0-dirty');
    git('commit', '--quiet', '-am', 'y');
    project.write('untracked', '');
    expect(await version('b')).toMatch(/^v1\.0-1-g[0-9a-f]+$/);
  });

  it('moves to the end of index.json when its tag is written again, and takes no other along', async () => {
    const project = workspace.project();
    const file = (label: string, names: readonly string[]) =>
      Object.fromEntries(names.map(name => [name, { from: scratch, labels: { label } }]));
    await project.build(file('1', ['c', 'a', 'b']));
    expect(project.tags()).toEqual(['c', 'a', 'b']);
    await project.build(file('2', ['a']));
    expect(project.tags()).toEqual(['c', 'b', 'a']);
    await project.build(file('1', ['c']));
    expect(project.tags()).toEqual(['b', 'a', 'c']);
    const index = JSON.parse(readFileSync(project.at('oci/index.json'), 'utf8'));
    expect(index.schemaVersion).toBe(2);
    for (const { annotations } of index.manifests)
      expect(Object.keys(annotations)).toEqual(['org.opencontainers.image.ref.name']);
  });
});
