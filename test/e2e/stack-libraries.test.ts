import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { outputAsRoot, type Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('the cache of libraries of a stack', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });

  /** Two layers on one base, each with a library and a cache of its own; the base has the program that makes it. */
  function parts(project: Project, ldconfig: string | undefined) {
    const part = (name: string) => {
      project.write(`${name}/lib`, name);
      project.write(`${name}/cache`, `lib${name}\n`);
      return {
        build_only: true,
        from: built('base'),
        imports: [
          { path: `${name}/lib`, dest: `/lib/lib${name}` },
          { path: `${name}/cache`, dest: '/etc/ld.so.cache' },
        ],
      };
    };
    const program = ldconfig === undefined ? [] : [{ path: 'ldconfig', dest: '/sbin/ldconfig', mode: 0o755 }];
    project.write('ldconfig', ldconfig ?? '');
    return { base: { build_only: true, from: busybox, imports: program }, a: part('a'), b: part('b') };
  }

  const both = [built('a'), built('b')];
  /** As the real one does, it says nothing, and leaves more than the cache behind. */
  const GOOD = '#!/bin/sh\nls /lib >/etc/ld.so.cache; touch /etc/other; mkdir -p /var/cache/ldconfig\n';

  async function cacheOf(project: Project): Promise<string> {
    const root = await project.unpack('both');
    return outputAsRoot('sh', ['-c', 'cd "$0/etc"; cat ld.so.cache 2>/dev/null || echo none', root]);
  }

  it('is made anew by the program of the image, of which nothing else stays', async () => {
    const project = workspace.project();
    const file = { ...parts(project, GOOD), both: { from: both } };
    const { stderr } = await project.build(file);
    expect(stderr).not.toContain('disagree');
    expect(await cacheOf(project)).toBe('liba\nlibb\n');
    const image = project.image('both');
    expect(image.names(-1)).toEqual(['/', 'etc/', 'etc/ld.so.cache']);
    expect(JSON.parse(image.manifest.annotations?.['dev.ashlar.stack'] ?? '')).toMatchObject({
      regenerated: image.layers.length - 1,
      merged: [],
      conflicts: [],
    });
    expect((await project.build(file)).stderr).toMatch(/found cached layer both\n$/);
    const verified = await project.ashlar(['stack', '--verify', 'both']);
    expect(verified.status, verified.stderr).toBe(0);
  });

  it.each([
    ['the stack is to have none', GOOD, 'drop', undefined],
    ['there is no program for it', undefined, 'regenerate', 'there is no /sbin/ldconfig in the image'],
    [
      'the program fails',
      '#!/bin/sh\necho so it is >&2; exit 3\n',
      'regenerate',
      '/sbin/ldconfig ended with exit status 3: so it is',
    ],
  ])('is left out where %s', async (_, ldconfig, libraryCache, problem) => {
    const project = workspace.project();
    const file = { ...parts(project, ldconfig), both: { from: both, library_cache: libraryCache } };
    const { stderr } = await project.build(file);
    const line = `/etc/ld.so.cache is left out: ${problem}\n`;
    if (problem === undefined) expect(stderr).not.toContain('left out');
    else expect(stderr).toContain(line);
    expect(await cacheOf(project)).toBe('none\n');
    expect(project.image('both').names(-1)).toEqual(['/', 'etc/', 'etc/.wh.ld.so.cache']);
    const verified = await project.ashlar(['stack', '--verify', 'both']);
    expect(verified.status, verified.stderr).toBe(0);
  });

  it('is what it was where only one part has changed it', async () => {
    const project = workspace.project();
    const { base, a } = parts(project, GOOD);
    const other = { build_only: true, from: built('base'), imports: [{ path: 'b/lib', dest: '/lib/libb' }] };
    await project.build({ base, a, b: other, both: { from: both } });
    expect(await cacheOf(project)).toBe('liba\n');
  });
});
