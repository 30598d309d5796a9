import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { blobPath, readImage } from './images.ts';
import { busyboxLayout, useBusybox } from './roots.ts';
import { seed } from './seed.ts';
import { output, outputAsRoot, type Project, useWorkspace } from './support.ts';

const RECORD = 'dev.ashlar.stack';

/** The seed's file, but for its base and what is installed. */
const smallSeed = (base: string) =>
  seed({
    base: `from: {type: tar, url: ${base}}`,
    kernel: `
mkdir /tmp/stage/kernel/boot
echo kernel > /tmp/stage/kernel/boot/vmlinuz`,
    ovmf: 'echo code > /tmp/stage/ovmf/ovmf-code.fd',
  });

describe.skipIf(!has('umoci', 'busybox'))('a stack', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  /** A layer from nothing with files of these contents. */
  function files(project: Project, name: string, contents: Readonly<Record<string, string>>) {
    const imports = Object.entries(contents).map(([path, content]) => {
      const source = `${name}/${path}`;
      project.write(source, content);
      return { path: source, dest: path };
    });
    return { from: scratch, imports };
  }

  it('publishes kernel, ovmf and both of them without any duplication', async () => {
    const project = workspace.project();
    const file = smallSeed(busybox.url);
    const { stderr } = await project.build(file);
    expect(stderr).toMatch(/^filesystem combined built successfully\n$/m);
    const index = JSON.parse(readFileSync(project.at('oci/index.json'), 'utf8'));
    expect(index.manifests).toHaveLength(3);
    expect(project.tags()).toEqual(['kernel', 'ovmf', 'combined']);
    const [kernel, ovmf, combined] = ['kernel', 'ovmf', 'combined'].map(tag => project.image(tag));
    expect([kernel?.layers.length, ovmf?.layers.length]).toEqual([1, 1]);
    expect(combined?.manifest.layers).toEqual([
      ...(kernel?.manifest.layers ?? []),
      ...(ovmf?.manifest.layers ?? []),
    ]);
    expect(combined?.manifest.annotations).toMatchObject({ 'io.stackeroci.stacker.stacker_yaml': file });
    const root = await project.unpack('combined');
    expect(await outputAsRoot('find', [root, '-type', 'f', '-printf', '%P\n'])).toBe(
      'kernel/boot/vmlinuz\novmf/ovmf-code.fd\n',
    );
    const again = await project.build(file);
    expect(again.stderr).toMatch(/found cached layer combined\n$/);
    expect(project.image('combined').digest).toBe(combined?.digest);
  });

  it('is the same in every form', async () => {
    const project = workspace.project();
    const layers = [built('a'), built('b')];
    await project.build({
      a: files(project, 'a', { '/a': 'a' }),
      b: files(project, 'b', { '/b': 'b' }),
      beside: { from: { type: 'stack' }, layers },
      within: { from: { type: 'stack', layers } },
      list: { from: layers },
    });
    const images = ['beside', 'within', 'list'].map(tag => project.image(tag));
    const expected = [...project.image('a').layers, ...project.image('b').layers];
    expect(images.map(({ layers }) => layers)).toEqual([expected, expected, expected]);
    expect(new Set(images.map(({ manifest }) => manifest.annotations?.[RECORD])).size).toBe(1);
    expect(images[0]?.manifest.annotations?.[RECORD]).toMatch(/^\{.*"name":"a".*\}$/);
  });

  it.skipIf(!has('mksquashfs', 'mkfs.erofs'))('shares layers of every type with its parts', async () => {
    const project = workspace.project();
    const types = ['tar', 'squashfs', 'erofs'].flatMap(type => ['--layer-type', type]);
    const parts = { a: files(project, 'a', { '/a': 'a' }), b: files(project, 'b', { '/b': 'b' }) };
    await project.build({ ...parts, both: { from: [built('a'), built('b')] } }, types);
    for (const form of ['', '-squashfs', '-erofs']) {
      const [a, b, both] = ['a', 'b', 'both'].map(name => project.image(`${name}${form}`).manifest.layers);
      expect(both).toEqual([...(a ?? []), ...(b ?? [])]);
    }
    const from = ['a-squashfs', 'b-erofs'].map(tag => ({ type: 'oci', url: `oci:${tag}` }));
    const other = { globals: ['--oci-dir', 'other'] };
    await project.build({ mixed: { from } }, ['--layer-type', 'squashfs'], other);
    const { layers } = readImage(project.at('other'), 'mixed-squashfs');
    expect(layers).toHaveLength(2);
    expect(layers[0]).toBe(project.image('a-squashfs').layers[0]);
  });

  it('has what is done to it on top: imports, run and config', async () => {
    const project = workspace.project();
    project.write('import', 'imported');
    await project.build({
      base: { from: busybox, cmd: 'base', environment: { FROM: 'base', KEPT: 'yes' }, labels: { a: 'base' } },
      data: { ...files(project, 'data', { '/data': 'data' }), labels: { a: 'data', b: 'data' }, cmd: 'data' },
      both: {
        from: [built('base'), built('data')],
        imports: [{ path: 'import', dest: '/import' }],
        run: 'cat /data /import > /result',
        environment: { FROM: 'both' },
      },
    });
    const { layers, config } = project.image('both');
    expect(layers.slice(0, 2)).toEqual([...project.image('base').layers, ...project.image('data').layers]);
    expect(layers).toHaveLength(4);
    expect(await project.fileOf('both', 'result')).toBe('dataimported');
    // The config is the first part's, and of the others nothing is taken.
    expect(config.config).toMatchObject({ Cmd: ['base'], Labels: { a: 'base' } });
    expect(config.config?.Env).toEqual(expect.arrayContaining(['FROM=both', 'KEPT=yes']));
    expect(config.rootfs.diff_ids).toHaveLength(4);
    expect(config.history?.map(({ created_by, empty_layer = false }) => [created_by, empty_layer])).toEqual([
      ['stacker build of base', false],
      ['stacker build', true],
      ['stacker overlay dir for data', false],
      ['stacker overlay dir for both', false],
      ['stacker build of both', false],
      ['stacker build', true],
    ]);
  });

  it('has a base that its parts share once, and what each part changed of it', async () => {
    const project = workspace.project();
    await project.build({
      base: { ...files(project, 'base', { '/shared': 'base', '/kept': 'base' }), build_only: true },
      changed: { from: built('base'), imports: files(project, 'changed', { '/shared': 'changed' }).imports },
      other: { from: built('base'), imports: files(project, 'other', { '/other': 'other' }).imports },
      both: { from: [built('changed'), built('other')] },
    });
    const [changed, other, both] = ['changed', 'other', 'both'].map(tag => project.image(tag).layers);
    // The base is two layers, and the second part brings one more.
    expect(changed?.slice(0, 2)).toEqual(other?.slice(0, 2));
    expect(both).toEqual([...(changed ?? []), ...(other?.slice(2) ?? [])]);
    const root = await project.unpack('both');
    // The other part has the base's version of it, which is no opinion.
    expect(
      await outputAsRoot(
        'cat',
        ['shared', 'kept', 'other'].map(name => join(root, name)),
      ),
    ).toBe('changedbaseother');
  });

  it('says why a layer is not at its lowest place', async () => {
    const project = workspace.project();
    const f = (tag: string, content: string) => ({
      ...files(project, tag, { '/f': content }),
      build_only: true,
    });
    const { stderr } = await project.build({
      lower: f('lower', '1'),
      upper: f('upper', '2'),
      one: { from: [built('lower'), built('upper')], conflicts: 'last' },
      two: { from: [built('upper'), built('lower')], conflicts: 'last' },
      both: { from: [built('one'), built('two')], conflicts: 'last' },
    });
    expect(stderr).toMatch(/^layer sha256:[0-9a-f]{64}: .*\/f.*$/m);
    expect(project.image('both').layers).toEqual(project.image('two').layers);
    expect(await project.fileOf('both', 'f')).toBe('1');
  });

  it('can be a base, and a part of other stacks', async () => {
    const project = workspace.project();
    await project.build({
      a: { ...files(project, 'a', { '/a': 'a' }), build_only: true },
      b: { ...files(project, 'b', { '/b': 'b' }), build_only: true },
      ab: { from: [built('a'), built('b')], build_only: true },
      top: { from: built('ab'), imports: files(project, 'top', { '/top': 'top' }).imports },
      c: files(project, 'c', { '/c': 'c' }),
      all: { from: [built('c'), built('top'), built('ab'), { type: 'scratch' }] },
      nothing: { from: [{ type: 'scratch' }] },
    });
    expect(project.tags()).toEqual(['top', 'c', 'all', 'nothing']);
    const [top, c, all] = ['top', 'c', 'all'].map(tag => project.image(tag).layers);
    expect(top).toHaveLength(3);
    expect(all).toEqual([...(c ?? []), ...(top ?? [])]);
    expect(project.image('nothing').layers).toEqual([]);
    const root = await project.unpack('all');
    expect(await outputAsRoot('ls', [root])).toBe('a\nb\nc\ntop\n');
  });

  it('has what was run on it in one order found again in the other', async () => {
    const project = workspace.project();
    const parts = { a: files(project, 'a', { '/a': 'a' }), base: { from: busybox } };
    const run = 'echo ran; ls / > /list';
    const first = await project.build({ ...parts, both: { from: [built('base'), built('a')], run } });
    expect(first.stdout).toMatch(/^ran$/m);
    const one = project.image('both');
    const second = await project.build({ ...parts, both: { from: [built('a'), built('base')], run } });
    expect(second.stdout).toBe('');
    const two = project.image('both');
    expect(two.layers.at(-1)).toBe(one.layers.at(-1));
    expect(two.layers.slice(0, 2)).toEqual([one.layers[1], one.layers[0]]);
    const third = await project.build({
      ...parts,
      a: files(project, 'a', { '/a': 'a', '/tmp': 'a file' }),
      both: { from: [built('a'), built('base')], run, conflicts: 'last' },
    });
    expect(third.stdout).toMatch(/^ran$/m);
  });

  it('is made anew when a part changes, and says which', async () => {
    const project = workspace.project();
    const file = (content: string, conflicts = 'warn') => ({
      a: files(project, 'a', { '/a': content }),
      both: { from: [built('a'), busybox], conflicts },
    });
    const explain = async () => (await project.ashlar(['explain'])).stdout;
    await project.build(file('1'));
    expect(await explain()).toBe('a: up to date\nboth: up to date\n');
    project.writeStackerFile(file('1', 'last'));
    expect(await explain()).toBe(
      'a: up to date\nboth: changed\n' +
        '  base: conflicts: {"paths":[],"policy":"warn"} -> {"paths":[],"policy":"last"}\n',
    );
    project.writeStackerFile(file('2'));
    expect(await explain()).toContain('both: changed\n  base: a will be rebuilt\n');
    const { stderr } = await project.build(file('2'), ['--explain']);
    expect(stderr).toMatch(/^base: a changed\n/m);
    expect(stderr).not.toMatch(/^base: .*busybox/m);
    expect(await explain()).toBe('a: up to date\nboth: up to date\n');
  });

  it('is kept by gc like everything that the last build used', async () => {
    const project = workspace.project('own');
    const file = {
      a: { ...files(project, 'a', { '/f': 'a' }), build_only: true },
      b: { ...files(project, 'b', { '/f': 'b' }), build_only: true },
      both: { from: [built('a'), built('b')], conflicts: 'first' },
    };
    await project.build(file);
    await project.ashlar(['gc', '--older-than', '0']);
    expect((await project.build(file)).stderr).toMatch(/found cached layer both\n$/);
    const { layers } = project.image('both');
    expect(layers).toHaveLength(3);
    // What was decided may be forgotten; it is decided in the same way again.
    await project.ashlar(['gc', '--all']);
    await project.build(file);
    expect(project.image('both').layers).toEqual(layers);
    expect(await project.fileOf('both', 'f')).toBe('a');
  });

  it.skipIf(!has('strace'))('reads and writes no byte of any layer, but links it', async () => {
    const project = workspace.project();
    const parts = { a: files(project, 'a', { '/a': 'a' }), b: files(project, 'b', { '/b': 'b' }) };
    await project.build(parts);
    const layers = ['a', 'b'].flatMap(tag => project.image(tag).layers);
    project.writeStackerFile({ ...parts, both: { from: [built('a'), built('b')] } });
    const trace = project.at('trace');
    const calls =
      'trace=read,pread64,readv,preadv,write,pwrite64,writev,pwritev,mmap,sendfile,copy_file_range,splice';
    const program = [project.program, ...project.arguments(['build'], ['--oci-dir', 'other'])];
    await output('strace', ['-f', '-y', '-e', calls, '-o', trace, ...program], {
      cwd: project.path,
      env: project.environment(),
    });
    const traced = readFileSync(trace, 'utf8');
    // Manifests are read, so that is what it looks like.
    expect(traced).toMatch(/ read\(\d+<[^>]*\/blobs\/sha256\/[0-9a-f]{64}>/);
    for (const digest of layers) {
      expect(traced).not.toContain(digest.replace('sha256:', ''));
      expect(statSync(blobPath(project.at('other'), digest)).ino).toBe(
        statSync(blobPath(project.oci, digest)).ino,
      );
    }
    expect(readImage(project.at('other'), 'both').layers).toEqual(layers);
  });
});

describe.skipIf(!has('umoci', 'skopeo', 'docker-registry', 'busybox'))(
  'a stack of images in a registry',
  () => {
    const workspace = useWorkspace();

    it('fetches each layer once, and is published with the layers that are there', async () => {
      await using registry = await startRegistry();
      const project = workspace.project();
      const layout = busyboxLayout(workspace.path);
      const remote = (name: string) => `docker://${registry.host}/${name}:latest`;
      const flags = ['--quiet', '--dest-tls-verify=false', '--src-tls-verify=false'];
      await output('skopeo', ['copy', ...flags, `oci:${layout}:busybox`, remote('base')]);
      const from = (name: string) => ({ type: 'docker', url: remote(name), insecure: true });
      project.write('x', 'x');
      project.write('z', 'z');
      await project.build({
        x: { from: from('base'), imports: [{ path: 'x', dest: '/x' }] },
        z: { from: from('base'), imports: [{ path: 'z', dest: '/z' }] },
      });
      const push = ['publish', '--url', `docker://${registry.host}`, '--tag', 'latest', '--skip-tls'];
      expect(await project.ashlar(push)).toMatchObject({ status: 0 });
      const other = workspace.project('own');
      const report = other.at('report.json');
      const file = { both: { from: [from('x'), from('z')], labels: { both: 'yes' } } };
      await other.build(file, ['--report', report]);
      const [x, z] = [project.image('x').layers, project.image('z').layers];
      const { layers } = other.image('both');
      expect(layers).toEqual([...x, ...z.slice(1)]);
      const { downloads } = JSON.parse(readFileSync(report, 'utf8'));
      const fetched = downloads.map(({ name }: { readonly name: string }) => name);
      expect(fetched.toSorted()).toEqual(layers.toSorted());
      const sent = await other.ashlar(push);
      expect(sent.status, sent.stderr).toBe(0);
      const copied = await output('skopeo', ['inspect', '--tls-verify=false', remote('both')]);
      expect(JSON.parse(copied).Layers).toEqual(layers);
    });
  },
);
