import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { type Project, type StackerFile, useWorkspace, type Variables } from './support.ts';

const OLD_CACHE = 'old cache version found, clearing cache and rebuilding from scratch...';

describe.skipIf(!has('umoci', 'busybox'))('explain', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  /** What explain prints about a file, which it must not build. */
  async function explained(
    project: Project,
    file: StackerFile,
    args: readonly string[] = [],
    env: Variables = {},
  ): Promise<string> {
    project.writeStackerFile(file);
    const layout = project.hasLayout() ? project.modified('oci', 'index.json') : undefined;
    const { status, stdout, stderr } = await project.ashlar(['explain', ...args], { env });
    if (status !== 0) throw new Error(`explain ended with ${status}:\n${stderr}`);
    expect(project.hasLayout() ? project.modified('oci', 'index.json') : undefined).toBe(layout);
    return stdout;
  }

  describe('of a file with a layer of each kind', () => {
    let project: Project;
    const file = ({ version = '1', token = 'first', more = 'true', label = 'x' } = {}) => ({
      tools: { from: scratch, imports: [{ path: 'tool', dest: '/tool' }], build_only: true },
      base: { from: busybox, overlay_dirs: [{ source: 'd', dest: '/d' }], build_only: true },
      top: {
        from: built('base'),
        imports: ['f', 'stacker://tools/tool'],
        build_env: { VERSION: version, API_TOKEN: token },
        labels: { label },
        run: ['true', more],
      },
    });

    beforeAll(async () => {
      project = workspace.project('own');
      project.write('f', 'one');
      project.write('d/in', 'one');
      project.write('tool', 'one');
      expect(await explained(project, file())).toBe(
        'tools: never built\nbase: never built\ntop: never built\n',
      );
      await project.build(file());
    });

    it('says when nothing changed', async () => {
      expect(await explained(project, file())).toBe('tools: up to date\nbase: up to date\ntop: up to date\n');
    });

    it('names variables with their values, unless they look secret', async () => {
      expect(await explained(project, file({ version: '2', token: 'second' }), ['top'])).toBe(
        'top: changed\n' +
          '  step 1 (run): environment API_TOKEN: (changed)\n' +
          '  step 1 (run): environment VERSION: "1" -> "2"\n',
      );
    });

    it('shows the lines of a script that differ', async () => {
      expect(await explained(project, file({ more: 'false' }), ['top'])).toBe(
        'top: changed\n  step 1 (run): script changed\n    - true\n    + false\n',
      );
    });

    it('names directives of the config', async () => {
      expect(await explained(project, file({ label: 'y' }), ['top'])).toBe(
        'top: changed\n  config: label label: "x" -> "y"\n',
      );
    });

    it('names variables that pass through, and options', async () => {
      const changed = await explained(project, file(), ['top', '--network', 'none'], { no_proxy: 'here' });
      expect(changed).toBe(
        'top: changed\n' +
          '  step 1 (run): environment no_proxy: new, "here"\n' +
          '  step 1 (run): network: "host" -> "none"\n',
      );
      expect(await explained(project, file(), ['top'], { SOURCE_DATE_EPOCH: '1' })).toContain(
        '  step 1 (run): SOURCE_DATE_EPOCH: "" -> "1"\n',
      );
    });

    it('shows short hashes of imports that changed', async () => {
      writeFileSync(project.at('f'), 'two');
      const changed = await explained(project, file(), ['top']);
      writeFileSync(project.at('f'), 'one');
      expect(changed).toMatch(
        /^top: changed\n {2}step 1 \(run\): import f: ([0-9a-f]{12}) -> (?!\1)[0-9a-f]{12}\n$/,
      );
    });

    it('follows a change up to the layers on top', async () => {
      writeFileSync(project.at('d/in'), 'two');
      chmodSync(project.at('tool'), 0o755);
      const changed = await explained(project, file());
      chmodSync(project.at('tool'), 0o644);
      writeFileSync(project.at('d/in'), 'one');
      expect(changed.replaceAll(/[0-9a-f]{12}/g, 'HASH')).toBe(
        'tools: changed\n' +
          '  step 1 (copy to /tool): content: HASH -> HASH\n' +
          'base: changed\n' +
          '  step 1 (copy to /d): content: HASH -> HASH\n    in\n' +
          'top: changed\n' +
          '  base: base will be rebuilt\n' +
          '  step 1 (run): import tool: HASH -> (of tools, which will be rebuilt)\n',
      );
    });

    it('speaks JSON, too', async () => {
      const text = await explained(project, file({ version: '2' }), ['base', 'top', '--json']);
      expect(JSON.parse(text)).toEqual([
        { image: 'base', state: 'up to date', changes: [] },
        {
          image: 'top',
          state: 'changed',
          changes: [{ where: 'step 1 (run)', text: 'environment VERSION: "1" -> "2"', details: [] }],
        },
      ]);
    });

    it('refuses names that the file does not have', async () => {
      project.writeStackerFile(file());
      const { status, stderr } = await project.ashlar(['explain', 'nobody']);
      expect(status).toBe(1);
      expect(stderr).toBe('error: no layer nobody in stackerfile\n');
    });

    it('knows what an earlier build than the last one has made', async () => {
      await project.build(file({ version: '3' }));
      expect(await explained(project, file(), ['top'])).toBe(
        'top: changed\n' +
          '  step 1 (run): environment VERSION: "3" -> "1"\n' +
          '  step 1 (run): known from an earlier build\n',
      );
      const { stderr } = await project.build(file());
      expect(stderr).not.toContain('cache miss');
    });
  });

  it('tells steps above a changed one, new ones and removed ones', async () => {
    const project = workspace.project('own');
    for (const name of ['f', 'g']) project.write(name, '1');
    const copies = (...names: string[]) => names.map(path => ({ path, dest: `/${path}` }));
    const file = (...names: string[]) => ({ one: { from: busybox, imports: copies(...names), run: 'true' } });
    await project.build(file('f'));
    project.write('f', '2');
    const changed = await explained(project, file('f'));
    expect(changed.replaceAll(/[0-9a-f]{12}/g, 'HASH')).toBe(
      'one: changed\n' +
        '  step 1 (copy to /f): content: HASH -> HASH\n' +
        '  step 2 (run): will be rebuilt, since step 1 changes\n',
    );
    project.write('f', '1');
    expect(await explained(project, file('g'))).toBe(
      'one: changed\n' +
        '  step 1 (copy to /g): new\n' +
        '  step 2 (run): will be rebuilt, since step 1 changes\n' +
        '  copy to /f: removed\n',
    );
  });

  it('tells a config that is inherited from a changed layer', async () => {
    const project = workspace.project('own');
    const file = (label: string) => ({
      low: { from: busybox, labels: { label } },
      high: { from: built('low'), run: 'true' },
    });
    await project.build(file('x'));
    expect(await explained(project, file('y'))).toBe(
      'low: changed\n  config: label label: "x" -> "y"\nhigh: changed\n  base: low changes\n',
    );
  });

  it('tells another base', async () => {
    const project = workspace.project('own');
    const file = (from: object) => ({ base: { from: busybox }, one: { from, run: 'true' } });
    await project.build(file(built('base')));
    expect(await explained(project, file(busybox), ['one'])).toBe(
      `one: changed\n  base: base -> ${busybox.url}\n`,
    );
  });

  it('asks servers whether they have another file, and downloads none', async () => {
    let announced = 'a'.repeat(64);
    await using server = await serve(({ method }, response) => {
      if (method === 'HEAD') response.setHeader('X-Checksum-Sha256', announced);
      response.end('content');
    });
    const project = workspace.project('own');
    const file = { one: { from: scratch, imports: [{ path: `${server.url}/f`, dest: '/f' }] } };
    await project.build(file);
    announced = 'b'.repeat(64);
    expect(await explained(project, file)).toMatch(/content: [0-9a-f]{12} -> bbbbbbbbbbbb\n/);
    expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
  });

  it('is said by a build with --explain as it comes to each step', async () => {
    const project = workspace.project('own');
    const file = (version: string) => ({ one: { from: busybox, build_env: { version }, run: 'true' } });
    const first = await project.build(file('1'), ['--explain']);
    expect(first.stderr).not.toContain('step 1 (run)');
    const { stderr } = await project.build(file('2'), ['--explain']);
    expect(stderr).toContain(
      '\ncache miss because layer definition was changed\nstep 1 (run): environment version: "1" -> "2"\n',
    );
    expect((await project.build(file('3'))).stderr).not.toContain('step 1 (run)');
  });

  describe('of the log of a build', () => {
    it('says which imports are copied and which are as they were', async () => {
      const project = workspace.project('own');
      for (const name of ['f', 'g']) project.write(name, '1');
      const file = { one: { from: scratch, imports: ['f', { path: 'g', dest: '/g' }] } };
      const lines = ({ stderr }: { readonly stderr: string }) =>
        stderr.match(/^(copying|using cached) .*$/gm);
      expect(lines(await project.build(file))).toEqual([
        `copying ${project.at('f')}`,
        `copying ${project.at('g')}`,
      ]);
      project.write('g', '2');
      expect(lines(await project.build(file))).toEqual([
        `using cached copy of ${project.at('f')}`,
        `copying ${project.at('g')}`,
      ]);
    });

    it('says that a result is no longer there, when a layer has to be made again', async () => {
      const project = workspace.project('own');
      const file = { one: { from: busybox, run: 'touch /f' } };
      await project.build(file);
      const layer = project.image('one').layers.at(-1) ?? '';
      for (const directory of [project.store, project.oci])
        rmSync(join(directory, 'blobs', layer.replace(':', '/')));
      const { stderr } = await project.build(file);
      expect(stderr).toContain(
        "\nmissing build for layer type tar\ncouldn't find one, pruning it from the cache\n",
      );
    });

    it('names variables of the host and options that changed', async () => {
      const project = workspace.project('own');
      const file = { one: { from: busybox, run: 'touch /f' } };
      const build = (flags: readonly string[], env: Variables) => project.build(file, flags, { env });
      await build([], { no_proxy: 'a', TERM: 'a' });
      expect((await build([], { no_proxy: 'b', TERM: 'b' })).stderr).toContain(
        '\ncache miss because environment no_proxy changed\n',
      );
      expect((await build(['--network', 'none'], { no_proxy: 'b' })).stderr).toContain(
        '\ncache miss because network changed\n',
      );
    });

    it('gives no reasons with --no-cache', async () => {
      const project = workspace.project('own');
      await project.build({ one: { from: busybox, run: 'touch /f' } });
      const { stderr } = await project.build({ one: { from: busybox, run: 'touch /g' } }, ['--no-cache']);
      expect(stderr).not.toContain('cache miss');
    });

    it('says that a cache of another version, of ours or of stacker, is begun anew', async () => {
      const project = workspace.project('own');
      const file = { one: { from: busybox, run: 'touch /f' } };
      expect((await project.build(file)).stderr).not.toContain(OLD_CACHE);
      const index = new DatabaseSync(join(project.store, 'index.db'));
      index.exec('PRAGMA user_version = 100000');
      index.close();
      const { stderr } = await project.build(file);
      expect(stderr).toContain(`${OLD_CACHE}\n`);
      expect(stderr).toMatch(/filesystem one built successfully\n$/);
      for (const cache of ['{"version": 16}', 'no JSON at all']) {
        project.write('.stacker/build.cache', cache);
        expect((await project.build(file)).stderr).toContain(`${OLD_CACHE}\n`);
        expect((await project.build(file)).stderr).not.toContain(OLD_CACHE);
      }
    });
  });
});
