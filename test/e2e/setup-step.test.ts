import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SetupChange, SetupStep } from '../../src/plan/types.ts';
import { blobPath, readImage } from './images.ts';
import { at, buildImages, explained, imagePlan } from './plans.ts';
import { useWorkspace } from './support.ts';

const workspace = useWorkspace();

const setup = (...changes: readonly SetupChange[]): SetupStep => ({
  kind: 'setup',
  changes,
  createdBy: 'setup',
  at,
});

const file = (path: string, text: string) => ({ kind: 'file', path, text, mode: 0o644 }) as const;

const system = setup(
  file('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nbin:x:1:1::/bin:/bin/false\n'),
  file('/etc/group', 'root:x:0:\nbin:x:1:\n'),
  file('/etc/skel/.profile', 'hello\n'),
  file('/etc/hostname', 'build-host\n'),
  file('/run/gone', ''),
);

const changes = setup(
  { kind: 'groups', groups: [{ name: 'staff', gid: 600, at }] },
  { kind: 'users', users: [{ name: 'ann', groups: ['staff', 'bin'], password: '$6$x', at }] },
  { kind: 'hostname', hostname: 'box' },
  { kind: 'remove', path: '/run/*' },
  { kind: 'owner', path: '/etc/hostname', owner: 'ann:staff' },
);

/** The entries of a layer with what they are, as GNU tar lists them. */
function listed(oci: string, tag: string, i: number): readonly string[] {
  const digest = readImage(oci, tag).layers.at(i) ?? '';
  const options = ['--numeric-owner', '--utc', '--full-time', '-Ptvf', blobPath(oci, digest)];
  const text = execFileSync('tar', options, { encoding: 'utf8' });
  return text
    .split('\n')
    .map(line => line.replaceAll(/ +/g, ' '))
    .filter(Boolean);
}

describe('a step that sets a tree up', () => {
  it('is a layer of what has changed, without times of its own, and is not done twice', async () => {
    const { path } = workspace.project('own');
    const again = setup({ kind: 'hostname', hostname: 'box' }, { kind: 'remove', path: '/run/*' });
    const plan = imagePlan('a', undefined, { steps: [system, changes, again] });
    await buildImages(path, [plan]);
    const oci = join(path, 'oci');
    expect(readImage(oci, 'a').layers).toHaveLength(2);
    expect(listed(oci, 'a', 1)).toEqual([
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 /',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 etc/',
      '-rw-r--r-- 0/0 35 1970-01-01 00:00:00 etc/group',
      '-rw-r--r-- 1000/600 4 1970-01-01 00:00:00 etc/hostname',
      '-rw-r--r-- 0/0 87 1970-01-01 00:00:00 etc/passwd',
      '-rw------- 0/0 16 1970-01-01 00:00:00 etc/shadow',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 home/',
      'drwxr-xr-x 1000/600 0 1970-01-01 00:00:00 home/ann/',
      '-rw-r--r-- 1000/600 6 1970-01-01 00:00:00 home/ann/.profile',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 run/',
      '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 run/.wh.gone',
    ]);
    const { events, images } = await buildImages(path, [plan]);
    const cached = events.flatMap(event => (event.kind === 'step-finished' ? [event.cached] : []));
    expect(cached).toEqual([true, true, true]);
    const digest = readImage(oci, 'a').digest;
    const elsewhere = workspace.project('own').path;
    await buildImages(elsewhere, [plan]);
    expect(readImage(join(elsewhere, 'oci'), 'a').digest).toBe(digest);
    expect(images).toHaveLength(1);
    const other = { ...plan, steps: [system, setup({ kind: 'hostname', hostname: 'other' })] };
    expect((await explained(path, other)).join('\n')).toContain('change 1 (groups)');
  });

  it('says where a mistake is, and warns of what is missing', async () => {
    const { path } = workspace.project('own');
    const place = { file: 'config.xml', line: 7, column: 3 };
    const zone = setup({ kind: 'timezone', timezone: 'Mars/Base', at: place });
    const { events } = await buildImages(path, [imagePlan('a', undefined, { steps: [system, zone] })]);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'message', level: 'warning', image: 'a' }));
    const zones = setup(file('/usr/share/zoneinfo/UTC', 'TZif'));
    await expect(
      buildImages(path, [imagePlan('b', undefined, { steps: [system, zones, zone] })]),
    ).rejects.toThrow(expect.objectContaining({ message: 'unknown time zone Mars/Base', at: place }));
  });
});
