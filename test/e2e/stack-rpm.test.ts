import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { asRoot, buildRpms, installedIn, rpm } from '../stacking/rpms.ts';
import { has } from '../support/tools.ts';
import { toolbox, useBusybox } from './roots.ts';
import { useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox', 'rpm', 'rpmbuild'))('a stack of images with packages of rpm', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });
  /** This machine's rpm, inside. */
  const start = [
    ...['RPM_CONFIGDIR=/stacker/imports/rpm-tools', '/stacker/imports/rpm-tools/rpm', '--force-debian'],
    ...['--dbpath', '/var/lib/rpm', '--define', '"_db_backend sqlite"'],
  ].join(' ');
  let tools = '';
  let packages = '';

  beforeAll(() => {
    tools = toolbox(join(workspace.path, 'rpm-tools'), 'rpm');
    // rpm looks for its settings there, not in the image.
    for (const name of ['macros', 'rpmrc']) copyFileSync(join('/usr/lib/rpm', name), join(tools, name));
    packages = join(workspace.path, 'packages');
    mkdirSync(packages);
    const user = (name: string, id: number) => `echo '${name}:x:${id}:${id}::/:/bin/false' >> /etc/passwd`;
    const files = buildRpms(join(workspace.path, 'build'), [
      { name: 'system', preamble: ['Provides: /bin/sh'] },
      { name: 'outdated' },
      { name: 'outdated', version: '1.1' },
      { name: 'library', preamble: ['Provides: libshared.so.1'] },
      {
        name: 'lower',
        preamble: ['Requires: libshared.so.1'],
        files: { '/etc/lower.conf': 'lower=1\n' },
        post: `${user('lower', 401)}; echo lower > /usr/share/lower/made`,
      },
      { name: 'helper' },
      {
        name: 'upper',
        preamble: ['Requires: libshared.so.1', 'Requires: helper'],
        files: { '/usr/bin/upper': '#!/bin/sh\necho up\n' },
        post: user('upper', 402),
      },
      { name: 'lower', version: '2.0~rc1', preamble: ['Requires: libshared.so.1'] },
    ]);
    for (const file of files) copyFileSync(file, join(packages, file.slice(file.lastIndexOf('/') + 1)));
  });

  /** A layer in which rpm installs packages. */
  function installing(from: object, ...names: readonly string[]) {
    const files = names.map(name => `/stacker/imports/packages/${name}-1.noarch.rpm`);
    return { from, imports: [tools, packages], run: `${start} -U ${files.join(' ')}` };
  }

  const base = () => ({ base: { ...installing(busybox, 'system-1.0', 'outdated-1.0'), build_only: true } });

  /** An image above the base. */
  function more(...names: readonly string[]) {
    return { ...installing(built('base'), 'library-1.0', ...names), build_only: true };
  }

  const textIn = (root: string, path: string) => asRoot('cat', join(root, path));
  const namesOf = (...names: readonly string[]) => names.map(name => `${name}-1.noarch`);

  it('has a database of all of them, in one layer above theirs', async () => {
    const project = workspace.project();
    const { stderr } = await project.build({
      ...base(),
      x: more('lower-1.0'),
      y: more('helper-1.0', 'upper-1.0', 'outdated-1.1'),
      both: { from: [built('x'), built('y')] },
      less: {
        from: built('both'),
        imports: [tools],
        run: `${start} -e outdated lower && ${start} -qa > /list`,
      },
    });
    expect(stderr).not.toContain('disagree');
    expect(project.image('both').manifest.layers).toHaveLength(5);
    const root = await project.unpack('both');
    expect(installedIn(root)).toEqual(
      namesOf('helper-1.0', 'library-1.0', 'lower-1.0', 'outdated-1.1', 'system-1.0', 'upper-1.0'),
    );
    expect(rpm(root, '-Va')).toBe('');
    expect(rpm(root, '-q', '--whatprovides', 'libshared.so.1')).toBe('library-1.0-1.noarch\n');
    expect(rpm(root, '-qf', '/usr/bin/upper', '/etc/lower.conf')).toBe(
      'upper-1.0-1.noarch\nlower-1.0-1.noarch\n',
    );
    const proof = await project.ashlar(['stack', '--verify', 'both']);
    expect(proof).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('  /var/lib/rpm/rpmdb.sqlite\n'),
    });
    expect(textIn(root, 'etc/passwd')).toMatch(/^root:.*\nlower:x:401:.*\nupper:x:402:.*\n$/);
    expect(textIn(root, 'usr/share/lower/made')).toBe('lower\n');

    const less = await project.unpack('less');
    expect(textIn(less, 'list').trim().split('\n').sort()).toEqual(installedIn(less));
    expect(installedIn(less)).toEqual(namesOf('helper-1.0', 'library-1.0', 'system-1.0', 'upper-1.0'));
    expect(rpm(less, '-Va')).toBe('');
  });

  it('tells of a package in two versions, and has the one of the part that prevails', async () => {
    const project = workspace.project();
    const images = { ...base(), x: more('lower-1.0'), z: more('lower-2.0~rc1') };
    const layers = [built('x'), built('z')];
    const stack = (conflicts: string) => ({ from: { type: 'stack', conflicts, layers } });
    const { stderr } = await project.build({ ...images, upper: stack('warn'), lower: stack('first') });
    const told = 'package lower.noarch: 1.0-1 in x, 2.0~rc1-1 in z (newer)';
    expect(stderr).toContain(told);
    for (const [image, version] of [
      ['upper', '2.0~rc1'],
      ['lower', '1.0'],
    ] as const) {
      const root = await project.unpack(image);
      expect(installedIn(root)).toContain(`lower-${version}-1.noarch`);
      expect(textIn(root, 'usr/share/lower/lower.txt')).toBe(`lower ${version}\n`);
      expect(rpm(root, '-Va')).toBe('');
    }
    expect(await project.failure({ ...images, both: stack('error') })).toContain(told);
  });
});
