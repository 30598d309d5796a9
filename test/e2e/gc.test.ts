import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { wrongBlobs } from './images.ts';
import { killIfThere, startBuild, startCommand, until } from './processes.ts';
import { useBusybox } from './roots.ts';
import { outputAsRoot, Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('gc', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const blobs = (project: Project) => readdirSync(join(project.store, 'blobs/sha256')).toSorted();
  const trees = (project: Project) => readdirSync(join(project.store, 'snapshots')).toSorted();
  const layer = (text: string) => ({ one: { from: busybox, run: `echo ${text} >/f` } });

  async function gc(project: Project, ...flags: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await project.ashlar(['gc', ...flags]);
    expect(status, stderr).toBe(0);
    return stdout;
  }

  it('keeps what the last build used, and removes what only earlier ones did', async () => {
    const project = workspace.project('own');
    await project.build(layer('first'));
    const [first, firstTrees] = [blobs(project), trees(project)];
    await project.build(layer('second'));
    expect(await gc(project)).toMatch(/^freed 0 B \(0 layers and files, 0 unpacked layers\), .* left in /);
    expect(blobs(project)).toEqual(expect.arrayContaining(first));
    expect(await gc(project, '--older-than', '0')).toMatch(
      /^freed .* \(3 layers and files, 1 unpacked layers\), /,
    );
    expect(blobs(project).filter(name => first.includes(name))).toHaveLength(1);
    expect(trees(project).filter(name => firstTrees.includes(name))).toHaveLength(1);
    // Nothing has to be done again of the last build, and what has gone is made again.
    expect((await project.build(layer('second'))).stderr).toContain('found cached layer one\n');
    expect((await project.build(layer('first'))).stderr).toContain('filesystem one built successfully\n');
    expect(await project.fileOf('one', 'f')).toBe('first\n');
    expect(wrongBlobs(join(project.store, 'blobs'))).toEqual([]);
  });

  it('removes what projects used that are no more', async () => {
    const store = join(workspace.path, 'of-several');
    const [gone, stays] = ['gone', 'stays'].map(
      name => new Project(join(workspace.path, `several-${name}`), store),
    ) as [Project, Project];
    await gone.build(layer('gone'));
    const before = blobs(gone);
    await stays.build(layer('stays'));
    expect(await gc(stays, '--older-than', '0')).toMatch(/^freed 0 B \(0 /);
    rmSync(gone.path, { recursive: true });
    await gc(stays, '--older-than', '0');
    expect(blobs(stays).filter(name => before.includes(name))).toHaveLength(1);
    expect((await stays.build(layer('stays'))).stderr).toContain('found cached layer one\n');
  });

  it('keeps what different files of one project were built with lately', async () => {
    const project = workspace.project('own');
    project.writeStackerFile({ other: { from: busybox, run: 'echo other >/f' } }, 'other.yaml');
    await project.ashlar(['build', '-f', 'other.yaml']);
    await project.build(layer('one'));
    await gc(project);
    const { stderr } = await project.ashlar(['build', '-f', 'other.yaml']);
    expect(stderr).toContain('found cached layer other\n');
  });

  it('keeps steps that changed nothing as long as they are wanted', async () => {
    const project = workspace.project('own');
    const file = { one: { from: busybox, run: 'echo ran' } };
    await project.build(file);
    await gc(project, '--older-than', '0');
    expect((await project.build(file)).stdout).toBe('');
    await project.build(layer('x'));
    await gc(project, '--older-than', '0');
    expect((await project.build(file)).stdout).toBe('+ echo ran\nran\n');
  });

  it('only tells what would go with --dry-run', async () => {
    const project = workspace.project('own');
    for (const text of ['first', 'second']) await project.build(layer(text));
    const before = [blobs(project), trees(project)];
    const stdout = await gc(project, '--older-than', '0', '--dry-run');
    const lines = stdout.trimEnd().split('\n');
    expect(
      lines.filter(line => /^blob sha256:[0-9a-f]{64} {2}[\d.]+ k?B, last used 20/.test(line)),
    ).toHaveLength(3);
    expect(
      lines.filter(line => /^tree sha256:[0-9a-f]{64} {2}[\d.]+ kB, last used 20/.test(line)),
    ).toHaveLength(1);
    expect(lines.at(-1)).toMatch(
      /^would free .* \(3 layers and files, 1 unpacked layers\), .* would be left in /,
    );
    expect([blobs(project), trees(project)]).toEqual(before);
  });

  it('goes down to --max-size, the longest unused first, and no further', async () => {
    const project = workspace.project('own');
    const left: string[][] = [];
    for (const name of ['a', 'b', 'c']) {
      project.write('big', randomBytes(1_000_000));
      await project.build({
        [name]: { from: { type: 'scratch' }, imports: [{ path: 'big', dest: '/big' }] },
      });
      left.push(blobs(project).filter(blob => !left.flat().includes(blob)));
      // Not in a layout any more, so that only the store keeps it.
      rmSync(project.oci, { recursive: true });
    }
    expect(await gc(project, '--max-size', '3.5MB')).toMatch(/^freed 0 B /);
    // What the first build left goes, that of the second is small enough.
    expect(await gc(project, '--max-size', '2.5MB')).toMatch(/^freed 1\.0 MB /);
    expect(blobs(project)).toEqual(expect.arrayContaining(left.slice(1).flat()));
    expect(await gc(project, '--max-size', '2.5MB')).toMatch(/^freed 0 B /);
    // The last build keeps its own, whatever is asked for.
    expect(await gc(project, '--max-size', '0')).toMatch(/^freed 1\.0 MB .* 1\.0 MB are left in /);
  });

  it('removes everything with --all, files of other owners and modes included', async () => {
    const project = workspace.project('own');
    const run = 'mkdir -p /d/e; echo x >/d/e/f; chown -R 1000:1000 /d; chmod 000 /d/e /d';
    const file = { one: { from: busybox, run } };
    await project.build(file);
    expect(await gc(project, '--all')).toMatch(
      /^freed .* \(\d+ layers and files, 2 unpacked layers\), 0 B are left in /,
    );
    expect([blobs(project), trees(project), readdirSync(join(project.store, 'tmp'))]).toEqual([[], [], []]);
    // The layout has its own.
    expect(await outputAsRoot('cat', [join(await project.unpack('one'), 'd/e/f')])).toBe('x\n');
    expect((await project.build(file)).stdout).not.toBe('');
  });

  it('leaves to a running build what that uses, whatever it is told', async () => {
    const project = workspace.project('own');
    const base = { from: busybox, run: 'echo base >/base', build_only: true };
    const on = (run: string, more = {}) => ({ from: { type: 'built', tag: 'base' }, run, ...more });
    await project.build({ base, first: on('echo first >/first') });
    mkdirSync(project.at('out'));
    const wait = 'touch /out/began; until test -e /out/go; do sleep 0.05; done; cat /base /first >/both';
    const file = {
      base,
      first: on('echo first >/first'),
      second: { ...on(wait, { binds: ['out -> /out'] }), from: { type: 'built', tag: 'first' } },
      third: { from: { type: 'built', tag: 'second' }, run: 'cat /both >/third' },
    };
    project.writeStackerFile(file);
    const build = startBuild(project);
    await until(() => existsSync(project.at('out/began')));
    // Another project's leftovers are nothing to this build.
    const other = new Project(join(workspace.path, 'beside'), project.store);
    await other.build(layer('beside'));
    const before = trees(project).length;
    expect(await gc(project, '--all')).toMatch(/ 1 unpacked layers\), /);
    expect(trees(project)).toHaveLength(before - 1);
    project.write('out/go', '');
    const { status, stderr } = await build.ended;
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('found cached layer first\n');
    expect(await project.fileOf('third', 'third')).toBe('base\nfirst\n');
    expect(wrongBlobs(join(project.store, 'blobs'))).toEqual([]);
  });

  it('that is killed leaves a store that builds and collections can use', async () => {
    const project = workspace.project('own');
    const file = { one: { from: busybox, run: 'mkdir /d; for i in $(seq 500); do echo $i >/d/$i; done' } };
    await project.build(file);
    const [first] = project.image('one').layers;
    const collection = startCommand(project, ['gc', '--all']);
    await until(() => blobs(project).length === 0 || collection.child.exitCode !== null);
    killIfThere(collection.pid);
    await collection.ended;
    await project.build(file);
    expect(project.image('one').layers[0]).toBe(first);
    expect(wrongBlobs(join(project.store, 'blobs'))).toEqual([]);
    expect(readdirSync(join(project.store, 'tmp'))).toEqual([]);
  });

  it.each([
    ['--older-than', 'long'],
    ['--older-than', '-1d'],
    ['--max-size', '10 apples'],
  ])('refuses %s %s', async (flag, value) => {
    const { status, stderr } = await workspace.project().ashlar(['gc', flag, value]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^error: option '--[a-z-]+ <\w+>' argument '.*' is invalid\. Expected a (time|size) like /,
    );
  });
});
