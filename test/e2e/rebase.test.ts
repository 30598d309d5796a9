/** Images on another base: what a build on that base gives is what a rebased image must be. */
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { readImage } from './images.ts';
import { dpkgStatus, packTar } from './roots.ts';
import { failureOf, type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const workspace = useWorkspace();

/** Two bases, an image on each by the same description, and one whose database of packages has changed, too. */
let project: Project;
beforeAll(async () => {
  project = workspace.project();
  project.write('old/etc/release', '1\n');
  project.write('old/etc/gone', 'gone\n');
  project.write('old/etc/both', 'old\n');
  project.write('old/var/lib/dpkg/status', dpkgStatus('libc 1.0'));
  project.write('new/etc/release', '2\n');
  project.write('new/etc/both', 'new\n');
  project.write('new/srv/new', 'new\n');
  project.write('new/var/lib/dpkg/status', dpkgStatus('libc 1.1'));
  packTar(project.at('old'), project.at('old.tar'));
  // The image's layer describes /etc as the old base had it.
  packTar(project.at('new'), project.at('new.tar'), '--mode=u=rwx,go=');
  project.write('app', '#!/bin/sh\n', 0o755);
  project.write('both', 'app\n');
  project.write('status', dpkgStatus('libc 1.0', 'app 2'));
  const app = (base: string) => ({
    from: { type: 'built', tag: base },
    imports: [
      { path: 'app', dest: '/opt/app' },
      { path: 'app', dest: '/etc/app' },
    ],
    environment: { APP: 'x', PATH: '/opt' },
    labels: { app: '1' },
    entrypoint: ['/opt/app'],
    annotations: { 'com.example.app': '1' },
  });
  await project.build({
    old: { from: { type: 'tar', url: 'old.tar' }, environment: { BASE: '1', GONE: 'x' }, cmd: ['old'] },
    new: { from: { type: 'tar', url: 'new.tar' }, environment: { BASE: '2', MORE: 'y' }, cmd: ['new'] },
    app: app('old'),
    wanted: app('new'),
    changed: {
      from: { type: 'built', tag: 'old' },
      imports: [
        { path: 'both', dest: '/etc/both' },
        { path: 'status', dest: '/var/lib/dpkg/status' },
      ],
    },
  });
});

describe('rebase', () => {
  it('gives what a build on the new base gives, with the layers of both as they are', async () => {
    const { status, stderr } = await project.ashlar([
      ...['rebase', 'app', '--old', 'old', '--new', 'new', '--tag', 'rebased'],
    ]);
    expect(status, stderr).toBe(0);
    const [rebased, wanted, app, base] = ['rebased', 'wanted', 'app', 'new'].map(tag => project.image(tag));
    expect(await describeTree(await project.unpack('rebased'))).toEqual(
      await describeTree(await project.unpack('wanted')),
    );
    expect(rebased?.config.config).toEqual(wanted?.config.config);
    expect(rebased?.manifest.annotations).toMatchObject({ 'com.example.app': '1' });
    // Modes of directories, which the new base has changed and the image's layers repeat as they were, are in one more.
    expect(rebased?.layers.slice(0, -1)).toEqual([...(base?.layers ?? []), ...(app?.layers.slice(1) ?? [])]);
    expect(rebased?.names(-1)).toEqual(['/', 'etc/']);
    const described = rebased?.config.history?.filter(({ empty_layer }) => !empty_layer);
    expect(described).toHaveLength(rebased?.config.rootfs.diff_ids.length ?? 0);
    expect(described?.at(-1)?.created_by).toBe('ashlar rebase app');
    expect(stderr).toBe('rebased rebased: 1 layers of new, 2 of its own, 1 for what both changed\n');
  });

  it('merges databases that both have changed, and tells of other files, of which the image’s stays', async () => {
    const { status, stderr } = await project.ashlar([
      ...['rebase', 'oci:oci:changed', '--old', 'oci:oci:old', '--new', 'new', '--tag', 'merged'],
    ]);
    expect(status, stderr).toBe(0);
    const merged = await project.fileOf('merged', 'var/lib/dpkg/status');
    const packages = [...merged.matchAll(/^Package: (.*)$[\s\S]*?^Version: (.*)$/gm)].map(
      ([, name, version]) => [name, version],
    );
    expect(packages).toEqual([
      ['libc', '1.1'],
      ['app', '2'],
    ]);
    expect(await project.fileOf('merged', 'etc/both')).toBe('app\n');
    expect(await project.fileOf('merged', 'etc/release')).toBe('2\n');
    expect(stderr).toMatch(
      /^merged what oci:oci:changed and new changed \(dpkg\): \/var\/lib\/dpkg\/status$/m,
    );
    expect(stderr).toMatch(
      /^oci:oci:changed wins where new has changed the same:\n {2}\/etc\/both: .* in new, .* in oci:oci:changed$/m,
    );
  });

  it('keeps the name of an image of this layout, and leaves what is on the new base already as it is', async () => {
    const own = workspace.project();
    own.write('file', 'x\n');
    await own.build({
      base: { from: { type: 'scratch' }, imports: [{ path: 'file', dest: '/base' }] },
      app: { from: { type: 'built', tag: 'base' }, imports: [{ path: 'file', dest: '/app' }] },
    });
    const { layers } = own.image('app');
    expect((await own.ashlar(['rebase', 'app', '--old', 'base', '--new', 'base'])).status).toBe(0);
    expect(own.image('app').layers).toEqual(layers);
    expect(own.tags()).toEqual(['base', 'app']);
    const elsewhere = ['rebase', `oci:${own.oci}:app`, '--old', `oci:${own.oci}:base`, '--new', 'old'];
    expect(failureOf(await project.ashlar(elsewhere))).toContain('error: --tag is missing');
    expect((await project.ashlar([...elsewhere, '--tag', 'foreign'])).status).toBe(0);
    expect(readImage(project.oci, 'foreign').layers).toEqual([
      ...project.image('old').layers,
      ...layers.slice(1),
    ]);
  });

  it.runIf(has('mksquashfs'))('gives an image of one form, whatever the new base has', async () => {
    const own = workspace.project();
    own.write('file', 'x\n');
    const image = (base: object, dest: string) => ({ from: base, imports: [{ path: 'file', dest }] });
    await own.build(
      {
        old: image({ type: 'scratch' }, '/old'),
        app: image({ type: 'built', tag: 'old' }, '/app'),
        wanted: image({ type: 'oci', url: `${project.oci}:old` }, '/app'),
      },
      ['--layer-type', 'tar', '--layer-type', 'squashfs'],
    );
    const app = own.image('app-squashfs');
    const args = ['rebase', 'app-squashfs', '--old', 'old-squashfs', '--new', `oci:${project.oci}:old`];
    const { status, stderr } = await own.ashlar(args);
    expect(status, stderr).toBe(0);
    const rebased = own.image('app-squashfs');
    expect(new Set(rebased.manifest.layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set([expect.stringContaining('squashfs')]),
    );
    // Those of the new base are what a build makes of them; those of the image stay as they were.
    expect(rebased.layers).toEqual([own.image('wanted-squashfs').layers[0], app.layers[1]]);
    expect(rebased.config.rootfs.diff_ids).toEqual(rebased.layers);
  });

  it('refuses an image that was not built on the old base, and says how far they agree', async () => {
    const rebase = (old: string) => project.ashlar(['rebase', 'app', '--old', old, '--new', 'new']);
    expect(failureOf(await rebase('wanted'))).toContain(
      'error: app is not built on wanted: they have no layer at the bottom in common\n',
    );
    expect(failureOf(await rebase('changed'))).toContain(
      'error: app is not built on changed: only the lowest 1 of its 3 layers are in the image\n',
    );
    expect(project.image('app').layers).toHaveLength(3);
  });
});
