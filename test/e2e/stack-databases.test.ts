import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { APK_DB, apkFiles, paragraph } from '../stacking/apk-files.ts';
import type { Files } from '../stacking/mergers/views.ts';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { type Project, useWorkspace } from './support.ts';

const LOCAL = '/var/lib/pacman/local';

describe.skipIf(!has('umoci', 'busybox'))('a stack of images with databases', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });

  /** A layer with files, after commands. */
  function layer(project: Project, name: string, from: object, files: Files, ...run: readonly string[]) {
    for (const [path, content] of Object.entries(files)) project.write(join(name, path), content);
    return { from, overlay_dirs: [{ source: name, dest: '/' }], run: ['true', ...run], build_only: true };
  }

  it('of apk has the packages, wishes, triggers and scripts of all', async () => {
    const project = workspace.project();
    const all = ['base-1-r0', 'shared-2-r0', 'trigger-lower-1-r0', 'trigger-upper-1-r0'];
    await project.build({
      base: layer(project, 'base', busybox, await apkFiles('base\n', 'base-1-r0')),
      x: layer(project, 'x', built('base'), await apkFiles('base\nlower\n', ...all.slice(0, 3))),
      y: layer(
        project,
        'y',
        built('base'),
        await apkFiles('base\nupper\n', ...all.filter(name => !/lower/.test(name))),
      ),
      both: { from: [built('x'), built('y')] },
    });
    const root = await project.unpack('both');
    expect(readFileSync(join(root, APK_DB, 'installed'), 'utf8')).toBe(
      all.map(one => `${paragraph(one)}\n\n`).join(''),
    );
    expect(readFileSync(join(root, '/etc/apk/world'), 'utf8')).toBe('base\nlower\nupper\n');
    expect(readFileSync(join(root, APK_DB, 'triggers'), 'utf8').match(/\S+(?= \/etc)/g)).toEqual([
      '/usr/lib/trigger-lower-1-r0',
      '/usr/lib/trigger-upper-1-r0',
    ]);
    const scripts = execFileSync('tar', ['-xOf', join(root, APK_DB, 'scripts.tar')], { encoding: 'utf8' });
    expect(scripts.match(/(?<=echo ).*/g)).toEqual(all);
  });

  it('of pacman has one directory of each package', async () => {
    const project = workspace.project();
    const packages = (...names: readonly string[]): Files =>
      Object.fromEntries([
        [`${LOCAL}/ALPM_DB_VERSION`, '9\n'],
        ...names.map(name => [`${LOCAL}/${name}/desc`, `%NAME%\n${name}\n`]),
      ]);
    const upgraded = `rm -r ${LOCAL}/p-1.0-1`;
    const { stderr } = await project.build({
      base: layer(project, 'base', busybox, packages('base-1-1', 'p-1.0-1')),
      x: layer(project, 'x', built('base'), packages('lower-1-1', 'p-1.1-1'), upgraded),
      y: layer(project, 'y', built('base'), packages('upper-1-1', 'p-1.0.1-1'), upgraded),
      both: { from: [built('x'), built('y')] },
      other: { from: { type: 'stack', conflicts: 'first', layers: [built('x'), built('y')] } },
    });
    expect(stderr).toContain('package p: 1.1-1 in x (newer), 1.0.1-1 in y');
    const listed = async (tag: string) => readdirSync(join(await project.unpack(tag), LOCAL)).sort();
    expect(await listed('both')).toEqual([
      'ALPM_DB_VERSION',
      'base-1-1',
      'lower-1-1',
      'p-1.0.1-1',
      'upper-1-1',
    ]);
    expect(await listed('other')).toEqual([
      'ALPM_DB_VERSION',
      'base-1-1',
      'lower-1-1',
      'p-1.1-1',
      'upper-1-1',
    ]);
  });
});
