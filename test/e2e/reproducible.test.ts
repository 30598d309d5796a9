import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunStep } from '../../src/plan/types.ts';
import { has, isRoot } from '../support/tools.ts';
import { blobPath, readImage } from './images.ts';
import { useNewUser } from './plain-user.ts';
import { at, buildImages, explained, imagePlan } from './plans.ts';
import { busyboxLayout, busyboxRoot, useBusybox } from './roots.ts';
import { ashlarProgram, execute, output, Project, useWorkspace } from './support.ts';

const env = { SOURCE_DATE_EPOCH: '1700000000' };

describe.skipIf(!has('umoci', 'busybox'))('two builds with SOURCE_DATE_EPOCH', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const layout = join(workspace.path, 'base');
  beforeAll(() => void busyboxLayout(workspace.path));

  /** Something of everything. Nothing in it names the directory of the project. */
  const file = {
    hidden: {
      from: busybox,
      imports: ['tree'],
      // A tar file keeps the times of what goes into it: no tool but the script can make those the same.
      run: [
        'cp -r /stacker/imports/tree /copied; find /copied -exec touch -d @1650000000 {} +',
        'tar -C /copied -cf /made.tar .; chown -R 5:6 /copied',
      ],
      build_only: true,
    },
    first: {
      from: { type: 'oci', url: `${layout}:busybox` },
      environment: { Z: '1', A: '2', M: '3' },
      labels: { z: '1', a: '2' },
      annotations: { 'org.z': '1', 'org.a': '2' },
      imports: [{ path: 'tree', dest: '/tree' }],
      overlay_dirs: [{ source: 'over', dest: '/over' }],
      run: 'mkdir /many; set +x; for i in $(seq 1 200); do echo $i >/many/$i; done; ln /many/1 /many/linked; rm /etc/passwd',
    },
    second: { from: { type: 'tar', url: 'stacker://hidden/made.tar' }, full_command: '/start' },
    third: {
      from: { type: 'built', tag: 'hidden' },
      imports: [{ path: 'stacker://first/many', dest: '/from-first', uid: 7, gid: 8 }],
      run: 'ls -R /copied /from-first >/dev/null; echo $SOURCE_DATE_EPOCH >/epoch',
      volumes: ['/b', '/a'],
    },
    fourth: { from: { type: 'scratch' }, imports: [{ path: 'tree/f', dest: '/d/e/f', mode: 0o755 }] },
  };

  function prepare(project: Project): void {
    project.write('tree/f', 'f', 0o640);
    project.write('tree/sub/g', 'g', 0o755);
    project.write('over/x', 'x');
    // Times of sources are later than the epoch, and differ between the projects.
    execFileSync('sh', ['-c', 'find tree over -exec touch {} +'], { cwd: project.path });
  }

  async function digests(project: Project, flags: readonly string[] = []): Promise<Record<string, string>> {
    prepare(project);
    await project.build(file, flags, { env });
    return Object.fromEntries(project.tags().map(tag => [tag, project.image(tag).digest]));
  }

  it('give the same images in different directories, with different stores and numbers of jobs', async () => {
    const one = await digests(workspace.project('own'), ['--jobs', '1']);
    const other = await digests(workspace.project('own'), ['--jobs', '8']);
    expect(Object.keys(one)).toEqual(['first', 'second', 'third', 'fourth']);
    expect(other).toEqual(one);
  });

  it('give the same images with the cache, without it, and with another runtime', async () => {
    const project = workspace.project('own');
    const one = await digests(project);
    expect(await digests(project)).toEqual(one);
    expect(await digests(project, ['--no-cache'])).toEqual(one);
    expect(await digests(project, ['--no-cache', '--runtime', 'builtin'])).toEqual(one);
  });

  it('give every time as the epoch, and clamp those of files', async () => {
    const project = workspace.project('own');
    await digests(project);
    const created = '2023-11-14T22:13:20Z';
    for (const tag of ['second', 'fourth']) {
      const { config } = project.image(tag);
      const times = [config.created, ...(config.history ?? []).map(entry => entry.created)];
      for (const time of times) expect(time).toBe(created);
      expect(config.author).toBe('stacker');
    }
    const root = await project.unpack('first');
    const newer = await output('find', [root, '-newermt', '@1700000001', '-printf', '%P\n']);
    // umoci itself touches the root directory when it unpacks.
    expect(newer.trim()).toBe('');
  });

  it('differ when the epoch differs', async () => {
    const project = workspace.project('own');
    const one = await digests(project);
    await project.build(file, [], { env: { SOURCE_DATE_EPOCH: '1600000000' } });
    for (const tag of project.tags()) expect(project.image(tag).digest).not.toBe(one[tag]);
  });

  const canBeAnother = isRoot && has('useradd', 'runuser', 'newuidmap', 'mksquashfs');
  describe.runIf(canBeAnother)('as root and as a new plain user', () => {
    const { user, home } = useNewUser('e2e');

    it('give the same images', async () => {
      const types = '--layer-type tar --layer-type squashfs';
      const one = await digests(workspace.project('own'), types.split(' '));
      execFileSync('chmod', ['-R', 'a+rX', layout]);
      chmodSync(workspace.path, 0o755);
      const project = join(home, 'project');
      const template = workspace.project('own');
      prepare(template);
      template.writeStackerFile(file);
      mkdirSync(project);
      execFileSync('sh', ['-c', 'cp -a "$0"/. "$1" && chown -R "$2:$2" "$1"', template.path, project, user]);
      // The checkout may lie where a plain user cannot look: it gets a place of its own in a private mount namespace.
      const checkout = join(ashlarProgram, '../..');
      const place = join(home, 'checkout');
      mkdirSync(place);
      const script = `mount --bind "$1" "$2" && cd "$3" && exec runuser -u "$4" -- env SOURCE_DATE_EPOCH=${env.SOURCE_DATE_EPOCH} HOME="$5" "$2/bin/ashlar" --store "$5/store" build ${types}`;
      const args = ['--mount', 'sh', '-c', script, 'sh', checkout, place, project, user, home];
      const { status, stdout, stderr } = await execute('unshare', args, {
        env: template.environment({ XDG_CACHE_HOME: undefined, XDG_DATA_HOME: undefined }),
      });
      expect(status, `${stdout}${stderr}`).toBe(0);
      const theirs = new Project(project, join(home, 'store'));
      expect(Object.keys(one)).toContain('first-squashfs');
      expect(Object.fromEntries(theirs.tags().map(tag => [tag, theirs.image(tag).digest]))).toEqual(one);
    });
  });
});

describe.skipIf(!has('busybox'))('a build whose times follow from what is below', () => {
  const workspace = useWorkspace();
  const made = 1_600_000_000;
  const run = (script: string): RunStep => ({
    kind: 'run',
    script: `#!/bin/sh\n${script}\n`,
    surroundings: {
      environment: { defaults: {}, passThrough: [], set: { PATH: '/bin' } },
      binds: [],
      importDirectories: ['/.ashlar'],
    },
    createdBy: 'run',
    failure: 'run failed',
    at,
  });

  it('gives what scripts write the newest time below, and leaves what comes with a time of its own', async () => {
    const { path } = workspace.project('own');
    const tar = busyboxRoot(workspace.path);
    const base = { kind: 'tar', source: { kind: 'file', path: tar, at }, createdBy: '', at } as const;
    const steps = [
      run(
        'date -u -d "@$SOURCE_DATE_EPOCH" +%s >/told; touch -d @1500000000 /older; touch -d @1700000000 /newer',
      ),
      run('date -u -d "@$SOURCE_DATE_EPOCH" +%s >/told-later'),
    ];
    await buildImages(path, [imagePlan('image', undefined, { base, steps })], { steadyTimes: true });
    const { manifest } = readImage(join(path, 'oci'), 'image');
    const [, first = [], second = []] = manifest.layers.map(({ digest }) =>
      execFileSync('tar', ['-tvf', blobPath(join(path, 'oci'), digest), '--full-time', '--utc'], {
        encoding: 'utf8',
      })
        .trim()
        .split('\n')
        .map(line => line.split(/ +/).slice(3)),
    );
    const times = (entries: readonly (readonly string[])[]) =>
      Object.fromEntries(entries.map(([day, time, name]) => [name, Date.parse(`${day}T${time}Z`) / 1000]));
    expect(times(first)).toEqual({ '/': made, newer: 1_700_000_000, older: 1_500_000_000, told: made });
    expect(times(second)).toEqual({ '/': 1_700_000_000, 'told-later': 1_700_000_000 });
    const texts = manifest.layers.slice(1).map(({ digest }) =>
      execFileSync('tar', ['-xOf', blobPath(join(path, 'oci'), digest), '--wildcards', 'told*'], {
        encoding: 'utf8',
      }),
    );
    expect(texts).toEqual([`${made}\n`, '1700000000\n']);
  });

  it('copies files anew on a base whose newest time is another, and says why', async () => {
    const { path } = workspace.project('own');
    const fresh = workspace.project('own').path;
    writeFileSync(join(path, 'copied'), 'copied');
    const source = { kind: 'file', path: join(path, 'copied'), at } as const;
    const items = [{ source, target: '/copied', keep: 'all', uid: 0, gid: 0, at }] as const;
    const steps = [{ kind: 'copy', items, createdBy: 'copy', at }] as const;
    const [first, second] = [1_500_000_000, made].map(time => {
      const [root, tar] = [join(path, `root-${time}`), join(path, `${time}.tar`)];
      mkdirSync(root);
      writeFileSync(join(root, 'file'), '');
      execFileSync('tar', ['-C', root, `--mtime=@${time}`, '-cf', tar, 'file']);
      const base = { kind: 'tar', source: { kind: 'file', path: tar, at }, createdBy: '', at } as const;
      return imagePlan('image', undefined, { base, steps });
    });
    const steady = { steadyTimes: true };
    for (const plan of [first, second]) await buildImages(path, plan ? [plan] : [], steady);
    await buildImages(fresh, second ? [second] : [], steady);
    const layersIn = (directory: string) => readImage(join(directory, 'oci'), 'image').layers;
    expect(layersIn(path)).toEqual(layersIn(fresh));
    const changes = first && (await explained(path, first, steady));
    expect(changes).toContain('step 1 (copy to /copied): the newest time below it changed');
  });
});
