import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { blobPath, wrongBlobs } from './images.ts';
import { linesOf, useBusybox } from './roots.ts';
import { output, outputAsRoot, Project, useWorkspace } from './support.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe.skipIf(!has('umoci', 'busybox', 'git'))('the cache', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  /** A layer whose runs show on standard output. */
  const noisy = (more: object = {}) => ({
    from: busybox,
    run: '#!/bin/sh\necho ran $STACKER_LAYER_NAME; date >/f',
    ...more,
  });

  /** Builds and says which layers really ran. */
  async function ran(
    project: Project,
    file: Record<string, object>,
    flags: readonly string[] = [],
    env = {},
  ) {
    const { stdout } = await project.build(file, flags, { env });
    return stdout.split('\n').flatMap(line => (line.startsWith('ran ') ? [line.slice(4)] : []));
  }

  it('runs nothing twice, also for another directory', async () => {
    const project = workspace.project('own');
    expect(await ran(project, { a: noisy() })).toEqual(['a']);
    expect(await ran(project, { a: noisy() })).toEqual([]);
    const other = new Project(project.at('elsewhere'), project.store);
    expect(await ran(other, { a: noisy() })).toEqual([]);
    expect(other.image('a').digest).toBe(project.image('a').digest);
  });

  it('runs nothing for a change of labels, environment, annotations, comments or the order of layers', async () => {
    const project = workspace.project('own');
    expect(await ran(project, { a: noisy(), b: noisy({ from: built('a') }) })).toEqual(['a', 'b']);
    const before = project.image('b').layers;
    const changed = {
      b: noisy({ from: built('a') }),
      a: noisy({ labels: { x: 'y' }, environment: { A: '1' } }),
    };
    expect(await ran(project, changed)).toEqual([]);
    expect(project.image('b').layers).toEqual(before);
    expect(project.image('b').config.config?.Labels).toEqual({ x: 'y' });
    const { stdout } = await project.build(`# comment\n${JSON.stringify(changed)}`);
    expect(stdout).toBe('');
    expect(await ran(project, { ...changed, a: { ...changed.a, annotations: { 'org.x': '1' } } })).toEqual(
      [],
    );
  });

  it('runs again what changed and what stands on it, nothing else', async () => {
    const project = workspace.project('own');
    const file = (text: string) => ({
      a: noisy(),
      b: { from: built('a'), run: `#!/bin/sh\necho ran b; echo ${text} >/b` },
      c: noisy({ from: built('b') }),
      d: noisy({ from: built('a') }),
    });
    expect((await ran(project, file('1'))).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(await ran(project, file('2'))).toEqual(['b', 'c']);
  });

  it('runs nothing on top of a step that ran again with the same result', async () => {
    const project = workspace.project('own');
    const file = (comment: string) => ({
      a: {
        from: busybox,
        run: `#!/bin/sh\n# ${comment}\necho ran a; touch -d @1600000000 /a; touch -d @1600000000 /`,
      },
      b: noisy({ from: built('a') }),
    });
    expect(await ran(project, file('1'))).toEqual(['a', 'b']);
    expect(await ran(project, file('2'))).toEqual(['a']);
  });

  it('sees changes of the content, mode and set of imported files, not of their times', async () => {
    const project = workspace.project('own');
    project.write('d/f', 'one');
    const file = { a: noisy({ imports: ['d'] }), b: noisy() };
    expect(await ran(project, file)).toEqual(['a', 'b']);
    utimesSync(project.at('d/f'), 1_000_000_000, 1_000_000_000);
    expect(await ran(project, file)).toEqual([]);
    chmodSync(project.at('d/f'), 0o755);
    expect(await ran(project, file)).toEqual(['a']);
    writeFileSync(project.at('d/f'), 'two');
    expect(await ran(project, file)).toEqual(['a']);
    project.write('d/g', '');
    expect(await ran(project, file)).toEqual(['a']);
    rmSync(project.at('d/g'));
    expect(await ran(project, file)).toEqual([]);
  });

  it('sees a changed file whose size and time are the old ones', async () => {
    const project = workspace.project('own');
    project.write('f', 'aaaa');
    utimesSync(project.at('f'), 1_000_000_000, 1_000_000_000);
    expect(await ran(project, { a: noisy({ imports: ['f'] }) })).toEqual(['a']);
    project.write('f', 'bbbb');
    utimesSync(project.at('f'), 1_000_000_000, 1_000_000_000);
    expect(await ran(project, { a: noisy({ imports: ['f'] }) })).toEqual(['a']);
  });

  it('makes only the layer of a changed dest import anew, and what runs above it', async () => {
    const project = workspace.project('own');
    project.write('f', '1');
    project.write('g', '1');
    const file = {
      a: {
        from: busybox,
        imports: [
          { path: 'f', dest: '/f' },
          { path: 'g', dest: '/g' },
        ],
      },
      b: noisy({ from: built('a') }),
    };
    await ran(project, file);
    const before = project.image('a').layers;
    project.write('g', '2');
    expect(await ran(project, file)).toEqual(['b']);
    const after = project.image('a').layers;
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toBe(before[2]);
    expect(await project.fileOf('b', 'g')).toBe('2');
  });

  it('sees changes of overlay_dirs, of a tar base and of an oci base', async () => {
    const project = workspace.project('own');
    project.write('o/f', '1');
    const overlay = { a: { from: scratch, overlay_dirs: [{ source: 'o' }] } };
    await project.build(overlay);
    const before = project.image('a').digest;
    project.write('o/f', '2');
    await project.build(overlay);
    expect(project.image('a').digest).not.toBe(before);
    await project.build({ base: { from: busybox, run: 'echo 1 >/which' } });
    const child = { child: noisy({ from: { type: 'oci', url: 'oci:base' } }) };
    expect(await ran(project, child)).toEqual(['child']);
    project.writeStackerFile({ base: { from: busybox, run: 'echo 2 >/which' } }, 'base.yaml');
    await project.ashlar(['build', '-f', 'base.yaml']);
    expect(await ran(project, child)).toEqual(['child']);
    expect(await project.fileOf('child', 'which')).toBe('2\n');
  });

  it('sees changes of passed-through variables and of SOURCE_DATE_EPOCH, not of TERM', async () => {
    const project = workspace.project('own');
    const file = { a: noisy() };
    expect(await ran(project, file, [], { http_proxy: 'one', TERM: 'xterm' })).toEqual(['a']);
    expect(await ran(project, file, [], { http_proxy: 'one', TERM: 'vt100' })).toEqual([]);
    expect(await ran(project, file, [], { http_proxy: 'two' })).toEqual(['a']);
    expect(await ran(project, file, [], { http_proxy: 'two', SOURCE_DATE_EPOCH: '1' })).toEqual(['a']);
    expect(await ran(project, file, [], { http_proxy: 'two', SOURCE_DATE_EPOCH: '2' })).toEqual(['a']);
    expect(await ran(project, file, [], { http_proxy: 'two', SOURCE_DATE_EPOCH: '1' })).toEqual([]);
  });

  it('sees everything that a result depends on', async () => {
    const project = workspace.project('own');
    project.write('f', '1');
    mkdirSync(project.at('bound'));
    const first = noisy({ imports: ['f'] });
    const changes: Readonly<Record<string, object>> = {
      'a variable of build_env': noisy({ imports: ['f'], build_env: { A: '1' } }),
      'another value of it': noisy({ imports: ['f'], build_env: { A: '2' } }),
      'the mode of an import': noisy({ imports: [{ path: 'f', mode: 0o755 }] }),
      'the owner of an import': noisy({ imports: [{ path: 'f', uid: 0, gid: 5 }] }),
      'where imports are': noisy({ import: ['f'] }),
      'no imports': noisy(),
      'a script': noisy({ imports: ['f'], run: '#!/bin/sh\necho ran a; date >/g' }),
      'the architecture': noisy({ imports: ['f'], arch: 'riscv64' }),
    };
    expect(await ran(project, { a: first })).toEqual(['a']);
    const seen: string[] = [];
    for (const [name, layer] of Object.entries(changes))
      if ((await ran(project, { a: layer })).length > 0) seen.push(name);
    expect(seen).toEqual(Object.keys(changes));
    expect(await ran(project, { a: first }, ['--network', 'none'])).toEqual(['a']);
    expect(await ran(project, { a: first })).toEqual([]);
  });

  it('sees every property of a dest import', async () => {
    const project = workspace.project('own');
    project.write('f', '1');
    const file = (entry: object, more: object = {}) => ({
      a: { from: scratch, imports: [{ path: 'f', dest: '/f', ...entry }], ...more },
    });
    const digests = new Set<string>();
    const versions = [{}, { mode: 0o755 }, { uid: 5 }, { gid: 5 }, { dest: '/g' }];
    for (const entry of versions) {
      await project.build(file(entry));
      digests.add(project.image('a').layers.join());
    }
    expect(digests.size).toBe(versions.length);
  });

  it('takes empty directives for absent ones', async () => {
    const project = workspace.project('own');
    const { run, from } = noisy();
    expect(await ran(project, { a: { from, run } })).toEqual(['a']);
    const empty = {
      ...{ labels: {}, environment: {}, annotations: {}, build_env: {}, build_env_passthrough: [] },
      ...{ imports: [], import: null, overlay_dirs: [], binds: [], volumes: [], build_only: false },
    };
    const { stdout, stderr } = await project.build({ a: { from, run, ...empty } });
    expect(stdout).toBe('');
    expect(stderr).not.toContain('cache miss');
    expect(stderr).toMatch(/found cached layer a\n$/);
  });

  it('gives an image the text of its file and the state of its repository anew, and runs nothing for that', async () => {
    const project = workspace.project('own');
    const git = (...args: string[]) =>
      output('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], { cwd: project.path });
    const file = JSON.stringify({ a: noisy() });
    const annotations = () => project.image('a').manifest.annotations ?? {};
    await git('init', '--quiet');
    project.writeStackerFile(file);
    await git('add', 'stacker.yaml');
    await git('commit', '--quiet', '--message', 'one');
    await project.build(file);
    const before = annotations();
    const config = project.image('a').manifest.config;
    const { stdout, stderr } = await project.build(`# new\n${file}`);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/found cached layer a\n$/);
    const names = Object.keys(before).filter(name => annotations()[name] !== before[name]);
    expect(names.map(name => name.replace(/.*\./, '')).sort()).toEqual(['git_version', 'stacker_yaml']);
    expect(annotations()['io.stackeroci.stacker.stacker_yaml']).toBe(`# new\n${file}`);
    expect(annotations()['io.stackeroci.stacker.git_version']).toMatch(/-dirty$/);
    expect(project.image('a').manifest.config).toEqual(config);
  });

  it('has no use for the order of the variables of the host', async () => {
    const project = workspace.project('own');
    const file = { a: noisy({ build_env_passthrough: ['A_.*'] }) };
    expect(await ran(project, file, [], { A_1: '1', A_2: '2' })).toEqual(['a']);
    expect(await ran(project, file, [], { A_2: '2', A_1: '1' })).toEqual([]);
  });

  it('needs no namespaces to find out that everything is known', async () => {
    const project = workspace.project('own');
    project.write('o/f', 'one');
    project.write('f', 'two');
    const file = {
      low: { from: scratch, overlay_dirs: [{ source: 'o', dest: '/o' }], build_only: true },
      high: noisy({
        imports: [
          { path: 'f', hash: sha256('two') },
          { path: 'stacker://low/o/f', dest: '/g', hash: sha256('one') },
          'stacker://low/o/f',
          { path: 'stacker://low/o', dest: '/copied' },
        ],
        overlay_dirs: [{ source: 'o', dest: '/p' }],
      }),
    };
    project.write('programs/unshare', '#!/bin/sh\nexit 99\n', 0o755);
    const env = { PATH: `${project.at('programs')}:${process.env.PATH}` };
    expect((await project.tryBuild(file, [], { env })).status).toBe(1);
    await project.build(file);
    const { stdout, stderr } = await project.build(file, [], { env });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/found cached layer high\n$/);
  });

  it('keeps more than one generation', async () => {
    const project = workspace.project('own');
    const file = (text: string) => ({ a: { from: busybox, run: `#!/bin/sh\necho ran a; echo ${text} >/t` } });
    expect(await ran(project, file('A'))).toEqual(['a']);
    const first = project.image('a');
    expect(await ran(project, file('B'))).toEqual(['a']);
    expect(await ran(project, file('A'))).toEqual([]);
    expect(project.image('a').layers).toEqual(first.layers);
  });

  it('is ignored, once per build, with --no-cache, and then has the new result', async () => {
    const project = workspace.project('own');
    const file = { a: noisy(), b: noisy({ from: built('a') }) };
    await ran(project, file);
    expect(await ran(project, file, ['--no-cache'])).toEqual(['a', 'b']);
    const layers = project.image('b').layers;
    expect(await ran(project, file)).toEqual([]);
    expect(project.image('b').layers).toEqual(layers);
  });

  it('does not keep a step that failed', async () => {
    const project = workspace.project('own');
    const file = { a: { from: busybox, binds: ['out -> /out'], run: 'echo x >>/out/n; test -e /out/ok' } };
    mkdirSync(project.at('out'));
    await project.failure(file);
    writeFileSync(project.at('out/ok'), '');
    await project.build(file);
    expect(linesOf(project.at('out/n'))).toHaveLength(2);
  });

  describe('that is damaged', () => {
    const env = { SOURCE_DATE_EPOCH: '1600000000' };
    const file = (text = 'x') => ({
      a: {
        from: busybox,
        run: '#!/bin/sh\necho ran a; echo content >/a',
        imports: [{ path: 'f', dest: '/f' }],
      },
      b: { from: built('a'), run: `#!/bin/sh\necho ran b; cat /a /f; echo ${text} >/b` },
    });

    /** A project that has built the file, and what it then had. */
    async function finished() {
      const project = workspace.project('own');
      project.write('f', 'imported');
      await project.build(file(), [], { env });
      return { project, digest: project.image('b').digest, layers: project.image('a').layers };
    }

    it('in a blob makes that blob again, with a warning', async () => {
      for (const damage of [
        (path: string) => truncateSync(path, 10),
        (path: string) => writeFileSync(path, 'something else'),
        (path: string) => rmSync(path),
      ]) {
        const { project, digest, layers } = await finished();
        rmSync(project.oci, { recursive: true });
        for (const layer of layers) {
          const path = blobPath(project.store, layer);
          chmodSync(path, 0o644);
          damage(path);
        }
        const { stderr } = await project.build(file(), [], { env });
        expect(stderr).toMatch(/^layer sha256:\w+ in the store is missing or damaged: it is made again$/m);
        expect(project.image('b').digest).toBe(digest);
        expect(wrongBlobs(join(project.oci, 'blobs'))).toEqual([]);
        expect(wrongBlobs(join(project.store, 'blobs'))).toEqual([]);
      }
    });

    it('by one flipped bit under the old size and time is noticed when the file was replaced', async () => {
      const { project, digest, layers } = await finished();
      rmSync(project.oci, { recursive: true });
      const [, , last] = layers;
      const path = blobPath(project.store, last ?? '');
      await outputAsRoot('sh', [
        '-c',
        'cp "$0" "$0.new"; printf x | dd of="$0.new" bs=1 seek=20 conv=notrunc status=none; touch -r "$0" "$0.new"; mv -f "$0.new" "$0"',
        path,
      ]);
      await project.build(file(), [], { env });
      expect(project.image('b').digest).toBe(digest);
      expect(wrongBlobs(join(project.oci, 'blobs'))).toEqual([]);
    });

    it('by lost snapshots unpacks what is needed again', async () => {
      const { project } = await finished();
      await outputAsRoot('sh', ['-c', 'rm -rf "$0"/*', join(project.store, 'snapshots')]);
      const { stdout } = await project.build(file('y'), [], { env });
      expect(stdout).toBe('ran b\ncontent\nimported');
    });

    it('by a lost or broken index builds everything again, to the same result', async () => {
      const { project, digest } = await finished();
      for (const name of readdirSync(project.store).filter(name => name.startsWith('index.db')))
        writeFileSync(
          join(project.store, name),
          'not a database at all, but long enough to look at'.repeat(100),
        );
      const { stdout } = await project.build(file(), [], { env });
      expect(stdout).toContain('ran a\n');
      expect(project.image('b').digest).toBe(digest);
    });

    it('is not needed to refill a removed layout', async () => {
      const { project, digest } = await finished();
      rmSync(project.oci, { recursive: true });
      const { stdout, stderr } = await project.build(file(), [], { env });
      expect(stdout).toBe('');
      expect(stderr).toMatch(/found cached layer a\n(.*\n)*found cached layer b\n$/);
      expect(project.image('b').digest).toBe(digest);
    });

    it('in the layout is repaired there', async () => {
      const { project, digest, layers } = await finished();
      const path = blobPath(project.oci, layers[1] ?? '');
      rmSync(path);
      const { stdout } = await project.build(file(), [], { env });
      expect(stdout).toBe('');
      expect(project.image('b').digest).toBe(digest);
      expect(wrongBlobs(join(project.oci, 'blobs'))).toEqual([]);
      await project.unpack('b');
    });
  });
});
