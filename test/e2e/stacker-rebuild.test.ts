/** What a second build does after something changed on the host: it makes anew what has to be, and nothing else. */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { blobPath } from './images.ts';
import { useBusybox } from './roots.ts';
import { type Ended, output, type Project, stackerProgram, useWorkspace } from './support.ts';

/** A change to the import `path`, which is a file or directory of a project. */
interface Change {
  readonly from: 'file' | 'directory' | 'link';
  readonly make: (path: string) => void;
  /** What the log says of it, up to the path; absent when nothing is to be built. */
  readonly reason?: string;
}

const CONTENT = 'cache miss because import content changed: ';
const INSIDE = 'cache miss because import dir content changed: ';
const TYPE = 'cache miss because import type changed: ';
const OLD = 1_000_000_000;

const changes: Readonly<Record<string, Change>> = {
  'touched-file': { from: 'file', make: path => utimesSync(path, OLD, OLD) },
  'rewritten-file': { from: 'file', make: path => writeFileSync(path, 'same length') },
  'changed-file': { from: 'file', make: path => writeFileSync(path, 'SAME LENGTH'), reason: CONTENT },
  'longer-file': {
    from: 'file',
    make: path => writeFileSync(path, 'longer', { flag: 'a' }),
    reason: CONTENT,
  },
  'executable-file': { from: 'file', make: path => chmodSync(path, 0o755), reason: CONTENT },
  'file-to-directory': { from: 'file', make: path => replace(path, () => mkdirSync(path)), reason: TYPE },
  'file-to-link': {
    from: 'file',
    make: path => replace(path, () => symlinkSync('/etc/passwd', path)),
    reason: TYPE,
  },
  'retargeted-link': {
    from: 'link',
    make: path => replace(path, () => symlinkSync('/etc/group', path)),
    reason: CONTENT,
  },
  'link-to-file': {
    from: 'link',
    make: path => replace(path, () => writeFileSync(path, 'now a file')),
    reason: TYPE,
  },
  'directory-to-file': {
    from: 'directory',
    make: path => replace(path, () => writeFileSync(path, '')),
    reason: TYPE,
  },
  'touched-directory': {
    from: 'directory',
    make: path => {
      for (const name of ['', '/a', '/sub', '/sub/c']) utimesSync(path + name, OLD, OLD);
    },
  },
  'added-inside': { from: 'directory', make: path => writeFileSync(`${path}/new`, ''), reason: INSIDE },
  'added-deep-inside': { from: 'directory', make: path => mkdirSync(`${path}/sub/empty`), reason: INSIDE },
  'removed-inside': { from: 'directory', make: path => rmSync(`${path}/sub/c`), reason: INSIDE },
  'changed-inside': { from: 'directory', make: path => writeFileSync(`${path}/sub/c`, 'C'), reason: INSIDE },
  'renamed-inside': {
    from: 'directory',
    make: path => renameSync(`${path}/a`, `${path}/b`),
    reason: INSIDE,
  },
  'moved-inside': {
    from: 'directory',
    make: path => renameSync(`${path}/a`, `${path}/sub/a`),
    reason: INSIDE,
  },
  'executable-inside': { from: 'directory', make: path => chmodSync(`${path}/a`, 0o755), reason: INSIDE },
  'directory-closed-inside': {
    from: 'directory',
    make: path => chmodSync(`${path}/sub`, 0o700),
    reason: INSIDE,
  },
  'link-retargeted-inside': {
    from: 'directory',
    make: path => replace(`${path}/link`, () => symlinkSync('sub', `${path}/link`)),
    reason: INSIDE,
  },
  'file-to-link-inside': {
    from: 'directory',
    make: path => replace(`${path}/a`, () => symlinkSync('sub/c', `${path}/a`)),
    reason: INSIDE,
  },
  'file-to-directory-inside': {
    from: 'directory',
    make: path => replace(`${path}/a`, () => mkdirSync(`${path}/a`)),
    reason: INSIDE,
  },
};

function replace(path: string, make: () => void): void {
  rmSync(path, { recursive: true });
  make();
}

function prepare(path: string, { from }: Change): void {
  if (from === 'file') writeFileSync(path, 'same length');
  else if (from === 'link') symlinkSync('/etc/passwd', path);
  else {
    mkdirSync(`${path}/sub`, { recursive: true });
    writeFileSync(`${path}/a`, 'a');
    writeFileSync(`${path}/sub/c`, 'c');
    symlinkSync('a', `${path}/link`);
    chmodSync(`${path}/sub`, 0o755);
  }
}

/** What the log says from the line that begins an image to the line that begins the next one. */
function saidOf(layer: string, { stderr }: Ended): string {
  const [, ...parts] = stderr.split(/^preparing image /m);
  return parts.find(part => part.startsWith(`${layer}...`)) ?? '';
}

describe.skipIf(!has('busybox'))('stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  /** A layer that tells on standard output when it really runs. */
  const noisy = (more: object) => ({ run: '#!/bin/sh\necho ran $STACKER_LAYER_NAME', ...more });
  const ran = ({ stdout }: Ended) => [...stdout.matchAll(/^ran (.*)$/gm)].map(([, name]) => name).sort();

  describe('after a change of an import', () => {
    let project: Project;
    let fresh: Project;
    let second: Ended;
    let third: Ended;

    // All changes at once: a layer without dest and one with dest for each of them.
    const names = Object.keys(changes);
    const file = Object.fromEntries(
      names.flatMap(name => [
        [`seen-${name}`, noisy({ from: busybox, imports: [`in/${name}`] })],
        [`dest-${name}`, { from: scratch, imports: [{ path: `in/${name}`, dest: '/d/' }] }],
      ]),
    );

    beforeAll(async () => {
      project = workspace.project('own');
      fresh = workspace.project('own');
      mkdirSync(project.at('in'));
      for (const [name, change] of Object.entries(changes)) prepare(project.at('in', name), change);
      const first = await project.build(file);
      expect(ran(first)).toEqual(names.map(name => `seen-${name}`).sort());
      expect(first.stderr).not.toContain('cache miss');
      for (const [name, change] of Object.entries(changes)) change.make(project.at('in', name));
      second = await project.build(file);
      third = await project.build(file);
      cpSync(project.at('in'), fresh.at('in'), { recursive: true, verbatimSymlinks: true });
      await fresh.build(file);
    });

    it.each(Object.entries(changes))(
      '%s runs what sees it when it must, and says why',
      (name, { reason }) => {
        const said = saidOf(`seen-${name}`, second);
        if (reason === undefined) {
          expect(ran(second)).not.toContain(`seen-${name}`);
          expect(said).not.toContain('cache miss');
          expect(second.stderr).toContain(`\nfound cached layer seen-${name}\n`);
        } else {
          expect(ran(second)).toContain(`seen-${name}`);
          expect(said).toContain(`${reason}${project.at('in', name)}\n`);
          expect(second.stderr).toContain(`\nfilesystem seen-${name} built successfully\n`);
        }
      },
    );

    it.each(names)('%s gives with dest what a first build of it gives', name => {
      expect(project.image(`dest-${name}`).layers).toEqual(fresh.image(`dest-${name}`).layers);
    });

    it('builds nothing in the build after that', () => {
      expect(third.stdout).toBe('');
      expect(third.stderr).not.toContain('cache miss');
      expect(third.stderr.match(/^found cached layer /gm)).toHaveLength(2 * names.length);
    });
  });

  it('builds again what the changed thing is part of, and says what that was', async () => {
    const project = workspace.project('own');
    const base = project.at('base.tar');
    cpSync(busybox.url, base);
    const directories = ['o1', 'o2', 'o3', 'o4'];
    for (const name of directories) project.write(`${name}/f`, '1');
    const file = (version: string) => ({
      definition: { from: busybox, run: `#!/bin/sh\necho ran definition; echo ${version} >/version` },
      'on-definition': noisy({ from: built('definition') }),
      tar: noisy({ from: { type: 'tar', url: 'base.tar' } }),
      'on-tar': noisy({ from: built('tar') }),
      overlay: noisy({ from: busybox, overlay_dirs: [{ source: 'o1' }] }),
      overlays: noisy({ from: busybox, overlay_dirs: ['o2', 'o3', 'o4'].map(source => ({ source })) }),
      same: noisy({ from: busybox }),
    });
    await project.build(file('1'));
    await output('tar', ['-C', project.path, '-rf', base, 'stacker.yaml']);
    for (const name of directories) project.write(`${name}/f`, '2');
    const second = await project.build(file('2'));
    expect(ran(second)).toEqual(['definition', 'on-definition', 'on-tar', 'overlay', 'overlays', 'tar']);
    expect(saidOf('definition', second)).toContain('cache miss because layer definition was changed\n');
    for (const layer of ['on-definition', 'tar', 'on-tar'])
      expect(saidOf(layer, second)).toContain('cache miss because base layer was changed\n');
    expect(saidOf('overlay', second)).toContain(
      'cache miss because content of 1 overlay dirs changed:\n' +
        `Changed overlay_dir: ${project.at('o1')}\nContents that changed:\n`,
    );
    expect(saidOf('overlays', second)).toContain('cache miss because content of 3 overlay dirs changed:\n');
    expect(saidOf('overlays', second)).toContain(
      'and 1 other overlay_dirs. use --debug for complete output\n',
    );
    expect(saidOf('same', second)).not.toContain('cache miss');
  });

  it('names what is new in the file', async () => {
    const project = workspace.project('own');
    project.write('f', '');
    project.write('o/f', '');
    await project.build({ one: noisy({ from: busybox }), two: noisy({ from: busybox }) });
    const second = await project.build({
      one: noisy({ from: busybox, imports: ['f'] }),
      two: noisy({ from: busybox, overlay_dirs: [{ source: 'o', dest: '/o' }] }),
    });
    expect(ran(second)).toEqual(['one', 'two']);
    expect(second.stderr).toContain(`cache miss because of new import: ${project.at('f')}\n`);
    expect(second.stderr).toContain(`cache miss because of new overlay_dir: ${project.at('o')}\n`);
  });

  it('builds again what is in the cache but no longer in the store, and says so', async () => {
    const project = workspace.project('own');
    const file = { one: noisy({ from: busybox, run: '#!/bin/sh\necho ran one; touch /one' }) };
    await project.build(file);
    const [, layer = ''] = project.image('one').layers;
    rmSync(project.oci, { recursive: true });
    rmSync(blobPath(project.store, layer));
    const second = await project.build(file);
    expect(ran(second)).toEqual(['one']);
    expect(second.stderr).toContain(
      "missing build for layer type tar\ncouldn't find one, pruning it from the cache\n",
    );
  });

  it('tells of each import whether it was copied, and of downloads what they were', async () => {
    await using server = await serve((_, response) => void response.end('web'));
    const project = workspace.project('own');
    const path = project.write('f', '');
    const url = `${server.url}/web`;
    const hash = createHash('sha256').update('web').digest('hex');
    const file = { one: noisy({ from: busybox, imports: ['f', url] }) };
    const first = await project.build(file);
    expect(first.stderr).toContain(`copying ${path}\n`);
    expect(first.stderr).toContain(`downloading ${url}\n`);
    const second = await project.build(file);
    expect(second.stderr).toContain(`using cached copy of ${path}\n`);
    expect(second.stderr).toContain(`Couldn't obtain file info of ${url}, using cached copy\n`);
    for (const { stderr } of [first, second])
      expect(stderr).toContain(
        `imported file hashes (after substitutions):\n  - path: "${url}"\n    hash: "${hash}"\n`,
      );
  });

  it('builds again for another SOURCE_DATE_EPOCH, and says so', async () => {
    const project = workspace.project('own');
    const file = { one: noisy({ from: busybox }) };
    const env = (epoch: number) => ({ env: { SOURCE_DATE_EPOCH: String(epoch) } });
    await project.build(file, [], env(1));
    const second = await project.build(file, [], env(2));
    expect(ran(second)).toEqual(['one']);
    expect(second.stderr).toContain('cache miss because SOURCE_DATE_EPOCH changed\n');
    expect(ran(await project.build(file, [], env(2)))).toEqual([]);
  });
});
