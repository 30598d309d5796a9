import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { wrongBlobs } from './images.ts';
import { linesOf, useBusybox } from './roots.ts';
import { failureOf, Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('several layers at once', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });
  const names = Array.from({ length: 10 }, (_, i) => `layer${i}`);

  /**
   * When each of ten layers began and ended, in the order in which it happened. No layer ends before as many of them
   * have begun as there are jobs (or layers left).
   */
  async function stamps(project: Project, jobs: number): Promise<readonly string[]> {
    // Each layer writes to a directory of its own: layers that bind the same one wait for each other.
    const run =
      'touch /out/begin; until test -e /out/go; do sleep 0.05; done; touch /out/end; echo $STACKER_LAYER_NAME >/name';
    const layers = names.map(name => [name, { from: busybox, binds: [`${name} -> /out`], run }] as const);
    for (const name of names) mkdirSync(project.at(name));
    const happened = (event: string) => names.filter(name => existsSync(project.at(name, event)));
    const watcher = setInterval(() => {
      const released = happened('go');
      const running = happened('begin').filter(name => !released.includes(name));
      if (running.length >= Math.min(jobs, names.length - released.length))
        for (const name of running) project.write(`${name}/go`, '');
    }, 50);
    await project
      .build(Object.fromEntries(layers), ['--jobs', String(jobs)])
      .finally(() => clearInterval(watcher));
    const events = names.flatMap(name =>
      ['begin', 'end'].map(event => ({ event, at: project.modified(name, event) })),
    );
    return events.sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ event }) => event);
  }

  /** The highest number of layers between their begin and their end. */
  function atOnce(events: readonly string[]): number {
    let running = 0;
    return Math.max(
      ...events.map(event => {
        running += event === 'begin' ? 1 : -1;
        return running;
      }),
    );
  }

  it('run side by side, all ten with ten jobs', async () => {
    const project = workspace.project();
    expect(atOnce(await stamps(project, 10))).toBe(10);
    expect(project.tags()).toEqual(names);
    for (const name of names) expect(await project.fileOf(name, 'name')).toBe(`${name}\n`);
  });

  it('are never more than the jobs', async () => {
    expect(atOnce(await stamps(workspace.project(), 3))).toBe(3);
  });

  it('speak one after the other', async () => {
    const project = workspace.project();
    const run =
      '#!/bin/sh\nfor i in 1 2 3 4 5; do echo $STACKER_LAYER_NAME; echo $STACKER_LAYER_NAME >&2; sleep 0.05; done';
    const four = names.slice(0, 4);
    const { stdout } = await project.build(
      Object.fromEntries(four.map(name => [name, { from: busybox, run }])),
      ['--jobs', '4'],
    );
    const groups = stdout.split('\n').filter((line, i, lines) => line !== '' && line !== lines[i - 1]);
    expect(groups.toSorted()).toEqual(four);
    expect(stdout.split('\n')).toHaveLength(41);
  });

  it('that are as they were leave the layout alone; after one that changed, all follow it', async () => {
    const project = workspace.project();
    const file = (changed: string) =>
      Object.fromEntries(
        names.map(name => [
          name,
          { from: busybox, labels: { name, changed: name === 'layer4' ? changed : '' } },
        ]),
      );
    await project.build(file('a'));
    const written = project.modified('oci', 'index.json');
    await project.build(file('a'), ['--jobs', '1']);
    expect(project.modified('oci', 'index.json')).toBe(written);
    await project.build(file('b'), ['--jobs', '1']);
    expect(project.modified('oci', 'index.json')).not.toBe(written);
    expect(project.tags()).toEqual(names);
    expect(project.image('layer4').config.config?.Labels).toMatchObject({ changed: 'b' });
  });

  it('wait for each other exactly where one needs the other', async () => {
    const project = workspace.project();
    const step = (more: object) => ({ from: busybox, ...more });
    await project.build(
      {
        top: step({ imports: ['stacker://low/made'], run: 'cp /stacker/imports/made /made' }),
        tar: { from: { type: 'tar', url: 'stacker://low/made.tar' } },
        low: step({ run: 'sleep 0.2; echo made >/made; tar -cf /made.tar made' }),
        child: { from: built('top'), run: 'test -e /made' },
      },
      ['--jobs', '4'],
    );
    expect(project.tags()).toEqual(['low', 'top', 'tar', 'child']);
  });

  describe('of which one fails', () => {
    const file = (status: string) => ({
      good: { from: busybox, run: 'echo good >/f' },
      slow: { from: busybox, binds: ['slow -> /out'], run: 'touch /out/began; sleep 20; touch /out/ended' },
      bad: {
        from: busybox,
        binds: ['bad -> /out'],
        run: `while ! test -e /out/go; do sleep 0.05; done; exit ${status}`,
      },
      never: { from: built('bad'), binds: ['never -> /out'], run: 'touch /out/began' },
      after: { from: busybox, run: 'echo after >/f' },
    });

    it('stop at once, leave what was published, and build the next time', async () => {
      const project = workspace.project('own');
      for (const name of ['slow', 'bad', 'never']) mkdirSync(project.at(name));
      // The failing layer waits until the slow one runs, and the good one is published.
      const watcher = setInterval(() => {
        const began = readdirSync(project.at('slow')).length > 0;
        const published = project.hasLayout() && project.tags().includes('good');
        if (began && published) project.write('bad/go', '');
      }, 50);
      const ended = await project.tryBuild(file('3'), ['--jobs', '4']).finally(() => clearInterval(watcher));
      expect(failureOf(ended)).toContain(
        'error: run commands failed for image "bad" in "stacker.yaml": execute failed: exit status 3\n',
      );
      expect(readdirSync(project.at('slow'))).toEqual(['began']);
      expect(readdirSync(project.at('never'))).toEqual([]);
      expect(project.tags()).toEqual(['good']);
      expect(await project.fileOf('good', 'f')).toBe('good\n');
      expect(wrongBlobs(project.at('oci/blobs'))).toEqual([]);
      expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
      const { slow: _, ...rest } = file('0');
      await project.build(rest, ['--jobs', '4']);
      expect(project.tags()).toEqual(['good', 'bad', 'never', 'after']);
    });
  });

  describe('of two builds', () => {
    const layer = (name: string) => ({ from: busybox, run: `#!/bin/sh\necho ${name} >/f; sleep 0.2` });

    it('work with one store', async () => {
      const store = `${workspace.path}/together`;
      const projects = [1, 2, 3].map(i => new Project(`${workspace.path}/together-${i}`, store));
      // Two layers that all of them make, and one of their own.
      const files = projects.map((_, i) => ({
        a: layer('a'),
        b: { from: built('a'), run: 'touch /b' },
        own: layer(`own ${i}`),
      }));
      await Promise.all(projects.map((project, i) => project.build(files[i] ?? {})));
      for (const [i, project] of projects.entries()) {
        expect(project.tags()).toEqual(['a', 'b', 'own']);
        expect(await project.fileOf('own', 'f')).toBe(`own ${i}\n`);
        expect(await project.fileOf('b', 'f')).toBe('a\n');
      }
      expect(wrongBlobs(`${store}/blobs`)).toEqual([]);
      expect(readdirSync(`${store}/tmp`)).toEqual([]);
    });

    it('work with one layout, and all tags are in it', async () => {
      const project = workspace.project('own');
      const files = ['x', 'y', 'z'];
      for (const name of files)
        project.writeStackerFile(
          { [name]: layer(name), [`${name}2`]: { from: built(name), run: `touch /${name}` } },
          `${name}.yaml`,
        );
      // What belongs to one project is locked while a build works in it; the layout of several may be one.
      const globals = (name: string) => ['--stacker-dir', `${name}.stacker`, '--roots-dir', `${name}.roots`];
      const ended = await Promise.all(
        files.map(name => project.ashlar(['build', '-f', `${name}.yaml`], { globals: globals(name) })),
      );
      for (const { status, stderr } of ended) expect(status, stderr).toBe(0);
      expect(project.tags().toSorted()).toEqual(['x', 'x2', 'y', 'y2', 'z', 'z2']);
      for (const name of files) expect(await project.fileOf(`${name}2`, 'f')).toBe(`${name}\n`);
      expect(wrongBlobs(project.at('oci/blobs'))).toEqual([]);
    });
  });

  it('write their lines to a log file when asked, and standard output is only that of the scripts', async () => {
    const project = workspace.project();
    const file = { a: { from: busybox, run: '#!/bin/sh\necho hi' } };
    project.writeStackerFile(file);
    const globals = ['--log-file', 'log', '--log-timestamp'];
    const { stdout, stderr } = await project.ashlar(['build'], { globals });
    expect(stdout).toBe('hi\n');
    expect(stderr).toBe('');
    expect(linesOf(project.at('log')).at(-1)).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z filesystem a built successfully$/,
    );
  });
});
