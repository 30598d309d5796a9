import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { has, isRoot } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe.skipIf(!has('umoci', 'busybox', 'getfattr'))('imports', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };

  /** A project with the file `f` and the directory `d1`. */
  function withFiles(store?: 'own'): Project {
    const project = workspace.project(store);
    project.write('f', 'file f', 0o640);
    project.write('d1/inner', 'inner', 0o600);
    project.write('d1/sub/tool', 'tool', 0o755);
    symlinkSync('sub/tool', project.at('d1/link'));
    return project;
  }

  /** Paths of everything in an image but its root. */
  async function pathsOf(project: Project, tag: string): Promise<readonly string[]> {
    return Object.keys(await describeTree(await project.unpack(tag))).filter(path => path !== '.');
  }

  describe('with dest', () => {
    const d2 = ['./d2', './d2/inner', './d2/link', './d2/sub', './d2/sub/tool'];
    const top = d2.slice(1).map(path => path.replace('./d2', '.'));
    const table: readonly (readonly [path: string, dest: string, result: readonly string[]])[] = [
      ['f', '/d/', ['./d', './d/f']],
      ['f', '/d/g', ['./d', './d/g']],
      ['f', '/', ['./f']],
      ['d1', '/d2', d2],
      ['d1/', '/d2', d2],
      ['d1/', '/d2/', d2],
      ['d1/', '/', top],
      ['d1', '/d2/', ['./d2', './d2/d1', ...d2.slice(1).map(path => path.replace('./d2', './d2/d1'))]],
    ];

    it.each(table)('copies %s to %s', async (path, dest, result) => {
      const project = withFiles();
      await project.build({ one: { from: scratch, imports: [{ path, dest }] } });
      expect(project.image('one').layers).toHaveLength(1);
      expect(await pathsOf(project, 'one')).toEqual(result);
    });

    it.each(table)('copies %s to %s out of another layer likewise', async (path, dest, result) => {
      const project = withFiles();
      await project.build({
        source: {
          from: scratch,
          imports: [
            { path: 'f', dest: '/p/' },
            { path: 'd1', dest: '/p/' },
          ],
          build_only: true,
        },
        one: { from: scratch, imports: [{ path: `stacker://source/p/${path}`, dest }] },
      });
      expect(await pathsOf(project, 'one')).toEqual(result);
    });

    it('copies a download, also under another name', async () => {
      await using server = await serve((_, response) => void response.end('over http'));
      const project = workspace.project();
      await project.build({
        one: {
          from: scratch,
          imports: [
            { path: `${server.url}/some/f`, dest: '/d/g', mode: 0o755 },
            { path: `${server.url}/some/f`, dest: '/e/', hash: sha256('over http').toUpperCase() },
          ],
        },
      });
      const tree = await describeTree(await project.unpack('one'));
      expect(tree['./d/g']).toMatchObject({ sha256: sha256('over http'), mode: '755' });
      expect(tree['./e/f']).toMatchObject({ sha256: sha256('over http'), mode: '644' });
    });

    it('keeps modes and links, makes root the owner, and applies mode, uid and gid recursively', async () => {
      const project = withFiles();
      await project.build({
        one: {
          from: scratch,
          imports: [
            { path: 'd1', dest: '/plain' },
            { path: 'd1', dest: '/owned', mode: 0o751, uid: 12, gid: 34 },
            { path: 'f', dest: '/group', gid: 5 },
          ],
        },
      });
      expect(project.image('one').layers).toHaveLength(3);
      const tree = await describeTree(await project.unpack('one'));
      expect(tree['./plain/inner']).toMatchObject({ mode: '600', owner: '0:0', sha256: sha256('inner') });
      expect(tree['./plain/sub/tool']).toMatchObject({ mode: '755', owner: '0:0' });
      expect(tree['./plain/link']).toMatchObject({ type: 'l', target: 'sub/tool', owner: '0:0' });
      expect(tree['./owned/inner']).toMatchObject({ mode: '751', owner: '12:34' });
      expect(tree['./owned/sub']).toMatchObject({ mode: '755', owner: '12:34' });
      expect(tree['./owned/sub/tool']).toMatchObject({ mode: '751', owner: '12:34' });
      expect(tree['./owned/link']).toMatchObject({ owner: '12:34' });
      expect(tree['./group']).toMatchObject({ mode: '640', owner: '0:5' });
    });

    it('applies mode, uid and gid to what comes from another layer, 0 included', async () => {
      const project = withFiles();
      await project.build({
        source: { from: scratch, imports: [{ path: 'd1', dest: '/d', uid: 7, gid: 7 }], build_only: true },
        one: {
          from: scratch,
          imports: [
            { path: 'stacker://source/d', dest: '/zero', uid: 0, gid: 0 },
            { path: 'stacker://source/d/inner', dest: '/nine', uid: 9, mode: 0o444 },
          ],
        },
      });
      const tree = await describeTree(await project.unpack('one'));
      expect(tree['./zero/sub/tool']).toMatchObject({ owner: '0:0', mode: '755' });
      expect(tree['./nine']).toMatchObject({ owner: '9:0', mode: '444' });
    });

    it('puts one layer per entry below the layer of run, where run sees it', async () => {
      const project = withFiles();
      await project.build({
        one: {
          from: busybox,
          imports: [
            { path: 'f', dest: '/a/' },
            { path: 'd1', dest: '/b' },
          ],
          run: 'cat /a/f /b/inner >/both; ! test -e /stacker/imports/f',
        },
      });
      const { layers, names } = project.image('one');
      expect(layers).toHaveLength(4);
      expect(names(1)).toContain('a/f');
      expect(names(2)).toContain('b/inner');
      expect(names(3)).toEqual(['/', 'both']);
      expect(await project.fileOf('one', 'both')).toBe('file finner');
    });

    it('follows symbolic links of the base, wherever in it they are, and says so', async () => {
      const project = withFiles();
      const { stderr } = await project.build({
        base: { from: busybox, run: 'mkdir -p /usr/lib64; ln -s usr/lib64 /lib64; ln -s /lib64/x /abs' },
        // The link is two layers down.
        middle: { from: { type: 'built', tag: 'base' }, run: 'touch /something' },
        one: {
          from: { type: 'built', tag: 'middle' },
          imports: [
            { path: 'f', dest: '/lib64/' },
            { path: 'd1', dest: '/lib64' },
          ],
        },
      });
      expect(stderr).toContain('overlay dest /lib64 is a symlink, patching to /usr/lib64\n');
      const root = await project.unpack('one');
      const tree = await describeTree(root);
      expect(tree['./lib64']).toMatchObject({ type: 'l', target: 'usr/lib64' });
      expect(tree['./usr/lib64/f']).toMatchObject({ type: 'f' });
      expect(tree['./usr/lib64/sub/tool']).toMatchObject({ type: 'f' });
    });

    it('keeps mode, owner and attributes of the directories that it goes into', async () => {
      const project = withFiles();
      await project.build({
        base: { from: busybox, run: 'mkdir -p /a/b; chmod 1750 /a; chown 3:4 /a/b; chmod 700 /a/b' },
        one: { from: { type: 'built', tag: 'base' }, imports: [{ path: 'f', dest: '/a/b/' }] },
      });
      const tree = await describeTree(await project.unpack('one'));
      expect(tree['./a']).toMatchObject({ mode: '1750', owner: '0:0' });
      expect(tree['./a/b']).toMatchObject({ mode: '700', owner: '3:4' });
    });
  });

  describe('without dest', () => {
    it('appear in /stacker/imports under their own names, read-only, and never in the image', async () => {
      const project = withFiles();
      symlinkSync('/nowhere', project.at('dangling'));
      const { stdout } = await project.build({
        one: {
          from: busybox,
          imports: ['f', 'd1', 'dangling'],
          run: [
            'set +x; cd /stacker/imports; ls -1A',
            'stat -c "%a %u:%g %n" f d1 d1/inner d1/sub d1/sub/tool; readlink dangling',
            'grep " /stacker/imports " /proc/mounts | cut -d" " -f4 | cut -d, -f1',
            '! touch /stacker/imports/new; ! echo x >f; ! rm f',
            'cat f >/copied',
          ],
        },
      });
      const lines = stdout.split('\n').filter(line => !line.startsWith('+'));
      expect(lines).toEqual([
        ...['.stacker-run.sh', 'd1', 'dangling', 'f'],
        ...['640 0:0 f', '755 0:0 d1', '600 0:0 d1/inner', '755 0:0 d1/sub', '755 0:0 d1/sub/tool'],
        ...['/nowhere', 'ro'],
        ...['touch', '/stacker/imports/.stacker-run.sh:', 'rm'].map(word => expect.stringContaining(word)),
        '',
      ]);
      const { names } = project.image('one');
      expect(names(-1)).toEqual(['/', 'copied']);
      expect(names(0)).not.toContain('./stacker/');
    });

    it('is there, and read-only, also when nothing is imported', async () => {
      const project = workspace.project();
      const run =
        'ls /stacker/imports; grep -q " /stacker/imports .* ro," /proc/mounts; ! touch /stacker/imports/x';
      await project.build({ one: { from: busybox, run } });
      expect(project.image('one').layers).toHaveLength(1);
    });

    it('get mode, uid and gid as given', async () => {
      const project = withFiles();
      const imports = [
        { path: 'f', mode: 0o4755, uid: 1, gid: 2 },
        { path: 'd1', uid: 3 },
      ];
      const run = 'cd /stacker/imports; stat -c "%a %u:%g %n" f d1 d1/sub/tool >/seen';
      await project.build({ one: { from: busybox, imports, run } });
      const seen = await project.fileOf('one', 'seen');
      expect(seen).toBe('4755 1:2 f\n755 3:0 d1\n755 3:0 d1/sub/tool\n');
    });

    it('may come from a layer without a shell, from its overlay_dirs and its build_only parents', async () => {
      const project = withFiles();
      await project.build({
        parent: { from: scratch, imports: [{ path: 'f', dest: '/low/' }], build_only: true },
        source: {
          from: { type: 'built', tag: 'parent' },
          overlay_dirs: [{ source: 'd1', dest: '/over' }],
          build_only: true,
        },
        one: {
          from: busybox,
          imports: ['stacker://source/low/f', 'stacker://source/over', 'stacker://source/over/sub/tool'],
          run: 'cd /stacker/imports; cat f over/inner tool >/all',
        },
      });
      expect(await project.fileOf('one', 'all')).toBe('file finnertool');
    });

    it('come by http once, under the last part of the address', async () => {
      await using server = await serve((_, response) => void response.end('over http'));
      const project = workspace.project('own');
      const one = {
        from: busybox,
        imports: [`${server.url}/some/file.txt?version=2`],
        run: "cat '/stacker/imports/file.txt?version=2' >/got",
      };
      const { stderr } = await project.build({ one });
      expect(stderr).toContain(`downloading ${server.url}/some/file.txt?version=2\n`);
      expect(await project.fileOf('one', 'got')).toBe('over http');
      await project.build({ one });
      expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
    });

    it('are downloaded again when the server announces another hash, and then run again', async () => {
      let content = 'first';
      await using server = await serve((_, response) => {
        response.setHeader('X-Checksum-Sha256', sha256(content));
        response.end(content);
      });
      const project = workspace.project('own');
      const one = { from: busybox, imports: [`${server.url}/f`], run: 'cat /stacker/imports/f >/got' };
      await project.build({ one });
      const same = await project.build({ one });
      expect(same.stderr).toContain(`matched hash of ${server.url}/f, using cached copy\n`);
      content = 'other';
      await project.build({ one });
      expect(await project.fileOf('one', 'got')).toBe('other');
    });

    it('are not asked for at all when the hash is known and the file is here', async () => {
      await using server = await serve((_, response) => void response.end('over http'));
      const project = workspace.project('own');
      const imports = [{ path: `${server.url}/f`, hash: sha256('over http') }];
      const one = { from: busybox, imports, run: 'cat /stacker/imports/f >/got' };
      await project.build({ one });
      const before = server.requests.length;
      await project.build({ one: { ...one, run: 'cp /stacker/imports/f /got2' } });
      expect(server.requests).toHaveLength(before);
    });

    it('follow symbolic links on the way, but are links when they are links themselves', async () => {
      const project = withFiles();
      symlinkSync('d1', project.at('way'));
      const one = {
        from: busybox,
        imports: ['way/inner', 'd1/link'],
        run: 'cd /stacker/imports; cat inner; readlink link >/target',
      };
      await project.build({ one });
      expect(await project.fileOf('one', 'target')).toBe('sub/tool\n');
    });

    it('of the older form are in /stacker, /.stacker/imports and /stacker/imports', async () => {
      const project = withFiles();
      const { stderr } = await project.build({
        one: {
          from: busybox,
          import: ['f', 'd1'],
          run: [
            'cat /stacker/f /stacker/d1/inner /.stacker/imports/f >/got',
            '! touch /stacker/x; grep -q " /stacker .*ro," /proc/mounts',
          ],
        },
      });
      expect(stderr).toContain(
        "'import' directive used in layer 'one' inside file 'stacker.yaml' is deprecated. Support for 'import' will be removed in releases after 2025-01-01.",
      );
      expect(await project.fileOf('one', 'got')).toBe('file finnerfile f');
      expect(project.image('one').names(-1)).toEqual(['/', 'got']);
    });

    it('of the older form are all that a script sees in /stacker', async () => {
      const project = withFiles();
      const { stdout } = await project.build({
        one: { from: busybox, import: ['f', 'd1'], run: 'set +x; echo /stacker/* /.stacker/imports/*' },
      });
      expect(stdout).toContain('\n/stacker/d1 /stacker/f /.stacker/imports/d1 /.stacker/imports/f\n');
    });

    it('of files that only their owner can read work for a plain user too', async () => {
      const project = withFiles();
      chmodSync(project.at('f'), 0o000);
      chmodSync(project.at('d1/sub'), 0o500);
      const one = { from: busybox, imports: ['f', 'd1'], run: 'stat -c %a /stacker/imports/f >/mode' };
      await project.build({ one });
      expect(await project.fileOf('one', 'mode')).toBe('0\n');
      await project.build({ one: { ...one, run: 'cp -a /stacker/imports/f /f' } });
      chmodSync(project.at('d1/sub'), 0o700);
    });
  });

  describe('hashes', () => {
    it('are checked for files of the host and of other layers, in any case of letters', async () => {
      const project = withFiles();
      const hash = sha256('file f').toUpperCase();
      await project.build({
        source: { from: scratch, imports: [{ path: 'f', dest: '/f', hash }] },
        one: { from: scratch, imports: [{ path: 'stacker://source/f', dest: '/g', hash }] },
      });
      const wrong = sha256('other');
      const refused = (path: string) =>
        `error: The requested hash of ${path} import is different than the actual hash: ${wrong} != ${sha256('file f')}\n`;
      const host = await project.failure({
        one: { from: scratch, imports: [{ path: 'f', dest: '/f', hash: wrong }] },
      });
      expect(host).toContain(refused(project.at('f')));
      const image = await project.failure({
        source: { from: scratch, imports: [{ path: 'f', dest: '/f' }] },
        one: { from: scratch, imports: [{ path: 'stacker://source/f', dest: '/g', hash: wrong }] },
      });
      expect(image).toContain(`${wrong} != ${sha256('file f')}\n`);
    });

    it('of downloads are checked, and nothing wrong is kept', async () => {
      let content = 'evil';
      await using server = await serve((_, response) => void response.end(content));
      const project = workspace.project('own');
      const hash = sha256('good');
      const file = { one: { from: scratch, imports: [{ path: `${server.url}/f`, dest: '/f', hash }] } };
      expect(await project.failure(file)).toContain(
        `error: Downloaded file hash does not match. Expected: ${hash} Actual: ${sha256('evil')}\n`,
      );
      content = 'good';
      await project.build(file);
      expect(await project.fileOf('one', 'f')).toBe('good');
    });

    it('are demanded of every download by --require-hash', async () => {
      const project = workspace.project();
      const path = 'http://127.0.0.1:1/f';
      const message = `error: Remote import needs a hash in yaml for path: ${path}\n`;
      for (const layer of [
        { from: scratch, imports: [path] },
        { from: scratch, import: [path] },
        { from: scratch, imports: [{ path, dest: '/f' }] },
        { from: { type: 'tar', url: path } },
      ]) {
        expect(await project.failure({ one: layer }, ['--require-hash'])).toContain(message);
      }
    });
  });

  it('that are missing are an error with its place', async () => {
    const project = workspace.project();
    const text = 'one:\n  from: {type: scratch}\n  imports:\n    - path: missing\n      dest: /x\n';
    const message = await project.failure(text);
    expect(message).toContain(`error: couldn't stat import ${project.at('missing')}\n`);
    expect(message).toContain('--> stacker.yaml:4:');
  });

  it('that are neither files nor directories are refused without waiting', async () => {
    const project = workspace.project();
    execFileSync('mkfifo', [project.at('pipe')]);
    const message = await project.failure({
      one: { from: scratch, imports: [{ path: 'pipe', dest: '/pipe' }] },
    });
    expect(message).toContain('pipe');
  });

  it('of a directory drop what is gone from the source', async () => {
    const project = withFiles();
    const one = { from: busybox, imports: ['d1'], run: 'ls -R /stacker/imports/d1 >/list' };
    await project.build({ one });
    rmSync(project.at('d1/sub'), { recursive: true });
    await project.build({ one });
    expect(await project.fileOf('one', 'list')).not.toContain('tool');
  });

  it.runIf(isRoot)('of device nodes are refused', async () => {
    const project = workspace.project();
    execFileSync('mknod', [join(project.path, 'dev'), 'c', '1', '5']);
    const message = await project.failure({ one: { from: busybox, imports: ['dev'], run: 'true' } });
    expect(message).toContain(`${project.at('dev')} is neither a file nor a directory`);
  });
});
