import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startRegistry } from '../support/registry.ts';
import { has, isRoot } from '../support/tools.ts';
import { packTar, toolbox, useBusybox } from './roots.ts';
import { output, outputAsRoot, useWorkspace } from './support.ts';
import { DESCRIBE, DESCRIBERS, type Description, describeTree, parseDescription } from './trees.ts';

/** What build scripts use besides busybox. */
const TOOLS = [...DESCRIBERS, 'setfattr', 'setcap', 'setfacl', 'truncate', 'perl'];

/** Makes one of everything that a file system can hold, below /data. */
const EVERYTHING = `
export PATH=/bin:/stacker/imports/tools
mkdir -p /data/dir /data/hard /data/names; cd /data
echo content >plain; : >empty; chmod 4755 plain; chmod 000 empty
mkdir -m 1777 sticky; mkdir -m 2750 setgid; mkdir -m 0500 closed; touch sticky/in
ln -s plain link; ln -s /nowhere/at/all dangling; ln -s "$(printf 'a%.0s' $(seq 1 300))" long-target
echo hard >hard/one; ln hard/one hard/two; ln hard/one other-directory; ln -s x hard/soft; ln hard/soft hard/soft2
chown 1234:5678 hard/one; chown -h 4321:8765 link; chown 70000:1 sticky/in 2>/dev/null || chown 60000:1 sticky/in
mkfifo fifo
echo attributes >attributes; setfattr -n user.note -v "some value" attributes
setfattr -n user.binary -v 0x000aff0d attributes; setfattr -n user.on-directory -v yes dir
echo program >capable; setcap cap_net_raw,cap_net_bind_service+ep capable
echo acl >acl; setfacl -m u:1:rw,g:2:r,m::rw acl; mkdir acl-dir; setfacl -d -m u:3:rwx acl-dir
truncate -s 40M sparse; printf end >>sparse; printf start | dd of=sparse conv=notrunc 2>/dev/null
touch "names/ü ñ 文字 \\\\ 'quoted\\"" "names/$(printf 'line\\nbreak')" "names/ trailing " names/-dash "names/*?["
long=$(printf 'l%.0s' $(seq 1 120)); mkdir -p "names/$long/$long/$long"; echo deep >"names/$long/$long/$long/$long"
touch "names/$(printf 'm%.0s' $(seq 1 255))"
touch -d @1234567890 plain; touch -h -d @1111111111 link; touch -d @1000000000 dir
chown 0:0 /data
`;

/** Shell commands that print the description of a directory where it is, between two marks. */
const describeIn = (directory: string) =>
  `TOOLS=/stacker/imports/tools/; describe() { ${DESCRIBE} }; echo =BEGIN; describe ${directory}; echo =END`;

/** The description that a script printed by `describeIn`. */
function described(stdout: string): Description {
  const text = stdout.slice(stdout.lastIndexOf('=BEGIN\n') + 7, stdout.lastIndexOf('=END\n'));
  return parseDescription(text);
}

describe.skipIf(!has('umoci', 'skopeo', 'docker-registry', 'busybox', 'getfattr', 'setcap', 'setfacl'))(
  'layers',
  () => {
    const workspace = useWorkspace();
    const busybox = useBusybox(workspace);
    const built = (tag: string) => ({ type: 'built', tag });
    beforeAll(() => void toolbox(join(workspace.path, 'tools'), ...TOOLS));
    const imports = [join(workspace.path, 'tools')];

    it('hold everything that a script can make, entry by entry', async () => {
      const project = workspace.project();
      const run = `#!/bin/sh -e\n${EVERYTHING}\n${describeIn('/data')}`;
      const { stdout } = await project.build({ one: { from: busybox, imports, run } });
      const made = described(stdout);
      expect(Object.keys(made).length).toBeGreaterThan(30);
      expect(made['./capable']?.xattrs).toHaveProperty(['security.capability']);
      expect(made['./acl']?.xattrs).toHaveProperty(['system.posix_acl_access']);
      expect(made['./hard/one']?.linkedWith).toEqual(['./hard/one', './hard/two', './other-directory']);
      const unpacked = await describeTree(join(await project.unpack('one'), 'data'));
      expect(unpacked).toEqual(made);
    });

    it('come back from an unpacked image: a child sees the very same tree', async () => {
      const project = workspace.project('own');
      // Other tools lose empty attributes, which PAX cannot tell from missing ones.
      const empty = 'setfattr -n user.empty /data/attributes';
      const run = `#!/bin/sh -e\n${EVERYTHING}\n${empty}\n${describeIn('/data')}`;
      const { stdout } = await project.build({ one: { from: busybox, imports, run } });
      const other = workspace.project('own');
      const child = await other.build({
        two: {
          from: { type: 'oci', url: `${project.oci}:one` },
          imports,
          run: `#!/bin/sh -e\n${describeIn('/data')}`,
        },
      });
      expect(described(child.stdout)).toEqual(described(stdout));
      // Looking at it has changed nothing.
      expect(other.image('two').layers).toEqual(project.image('one').layers);
    });

    it('take a changed copy of everything into the child', async () => {
      const project = workspace.project();
      const file = {
        one: { from: busybox, imports, run: `#!/bin/sh -e\n${EVERYTHING}` },
        two: { from: built('one'), imports, run: `#!/bin/sh -e\nchmod -R u+s /data\n${describeIn('/data')}` },
      };
      const { stdout } = await project.build(file);
      const unpacked = await describeTree(join(await project.unpack('two'), 'data'));
      const made = described(stdout);
      expect(unpacked).toEqual(made);
    });

    it('skip sockets with a warning', async () => {
      const project = workspace.project();
      const script = 'socket(S, 1, 1, 0) or die $!; bind(S, pack("S a*", 1, "/left")) or die $!';
      const run = `#!/bin/sh -e\n/stacker/imports/tools/perl -e '${script}'; test -S /left; touch /other`;
      const { stderr } = await project.build({ one: { from: busybox, imports, run } });
      expect(stderr).toMatch(/left.*socket|socket.*left/);
      expect(project.image('one').names(-1)).toEqual(['/', 'other']);
    });

    it.runIf(isRoot)('hold device nodes', async () => {
      const project = workspace.project();
      await project.build({
        one: { from: busybox, run: 'mkdir /n; mknod /n/null c 1 3; mknod /n/disk b 259 70000' },
      });
      const root = await project.unpack('one');
      const listed = await output('stat', ['-c', '%F %t:%T', join(root, 'n/null'), join(root, 'n/disk')]);
      expect(listed).toBe(`character special file 1:3\nblock special file 103:${(70000).toString(16)}\n`);
    });

    describe('record what is gone', () => {
      const base = {
        from: busybox,
        run: [
          'mkdir -p /d/sub /e /f/deep/er /g; touch /d/a /d/b /d/sub/x /e/1 /e/2 /f/deep/er/y /g/z; ln -s d /dl',
          'touch /file; mkdir /dir; touch /dir/in; ln -s file /link',
        ],
      };

      it('as whiteouts, and directories that were made again as opaque', async () => {
        const project = workspace.project();
        await project.build({
          base,
          one: {
            from: built('base'),
            run: [
              'rm /d/a; rm -r /d/sub; rm -r /e; mkdir /e; touch /e/3; rm -r /g',
              'touch /d/new; rm /d/new',
            ],
          },
        });
        const names = project.image('one').names(-1);
        expect(names).toEqual(['/', '.wh.g', 'd/', 'd/.wh.a', 'd/.wh.sub', 'e/', 'e/.wh..wh..opq', 'e/3']);
        const tree = Object.keys(await describeTree(await project.unpack('one')));
        expect(tree.filter(path => /^\.\/[deg](\/|$)/.test(path))).toEqual(['./d', './d/b', './e', './e/3']);
      });

      it('when one kind of file takes the place of another', async () => {
        const project = workspace.project();
        await project.build({
          base,
          one: {
            from: built('base'),
            run: [
              'rm /file; mkdir /file; touch /file/in; rm -r /dir; echo now a file >/dir; rm /link; mkdir /link',
              'rm /dl; mkdir /dl; touch /dl/own; rm -r /f/deep; ln -s /d /f/deep',
            ],
          },
          two: {
            from: built('one'),
            run: 'test -d /file; test -f /dir; test -d /dl; test ! -e /dl/a; test -e /f/deep/a',
          },
        });
        const tree = await describeTree(await project.unpack('one'));
        expect(tree['./file']?.type).toBe('d');
        expect(tree['./file/in']?.type).toBe('f');
        expect(tree['./dir']?.type).toBe('f');
        expect(tree['./dir/in']).toBeUndefined();
        expect(tree['./link']?.type).toBe('d');
        expect(tree['./dl/own']?.type).toBe('f');
        expect(tree['./dl/a']).toBeUndefined();
        expect(tree['./f/deep']).toMatchObject({ type: 'l', target: '/d' });
      });

      it('at the target of a symbolic link through which it was removed', async () => {
        const project = workspace.project();
        await project.build({ base, one: { from: built('base'), run: 'rm /dl/a; touch /dl/c' } });
        expect(project.image('one').names(-1)).toEqual(['/', 'd/', 'd/.wh.a', 'd/c']);
      });

      it('in one layer and is back in a later one', async () => {
        const project = workspace.project();
        await project.build({
          base,
          gone: { from: built('base'), run: 'rm -r /d /file' },
          back: { from: built('gone'), run: 'test ! -e /d; mkdir /d; touch /d/again; echo back >/file' },
          last: { from: built('back'), run: 'ls /d /file >/list' },
        });
        const tree = Object.keys(await describeTree(await project.unpack('last')));
        expect(tree.filter(path => path.startsWith('./d/'))).toEqual(['./d/again']);
        expect(await project.fileOf('last', 'list')).toBe('/file\n\n/d:\nagain\n');
      });

      it('through layers that others have made with whiteouts of their own', async () => {
        const project = workspace.project();
        const layout = project.at('foreign');
        const image = ['--image', `${layout}:x`];
        await output('umoci', ['init', '--layout', layout]);
        await output('umoci', ['new', ...image]);
        await output('umoci', ['raw', 'add-layer', ...image, busybox.url]);
        const upper = project.at('upper');
        mkdirSync(join(upper, 'etc'), { recursive: true });
        mkdirSync(join(upper, 'usr'));
        writeFileSync(join(upper, 'etc/.wh.passwd'), '');
        writeFileSync(join(upper, 'usr/.wh..wh..opq'), '');
        writeFileSync(join(upper, 'usr/only'), '');
        packTar(upper, project.at('upper.tar'));
        await output('umoci', ['raw', 'add-layer', ...image, project.at('upper.tar')]);
        const { stdout } = await project.build({
          one: {
            from: { type: 'oci', url: `${layout}:x` },
            run: '#!/bin/sh -e\ntest ! -e /etc/passwd; ls /usr; mkdir /usr/share; touch /usr/share/new\n',
          },
        });
        expect(stdout).toBe('only\n');
        const tree = Object.keys(await describeTree(await project.unpack('one')));
        expect(tree.filter(path => path.startsWith('./usr'))).toEqual([
          './usr',
          './usr/only',
          './usr/share',
          './usr/share/new',
        ]);
      });
    });

    it('have the promised form: root first, directories with a slash, in order, no names of users', async () => {
      const project = workspace.project();
      await project.build({
        one: { from: busybox, run: 'mkdir -p /b/c /a; touch /b/c/f /b-c /a/z /a/y; chown 1:1 /a' },
      });
      const { manifest, config, names } = project.image('one');
      expect(manifest.layers.map(layer => layer.mediaType)).toEqual(
        Array(2).fill('application/vnd.oci.image.layer.v1.tar+gzip'),
      );
      expect(names(1)[0]).toBe('/');
      expect([...names(1)].sort()).toEqual(['/', 'a/', 'a/y', 'a/z', 'b-c', 'b/', 'b/c/', 'b/c/f']);
      expect(names(1).indexOf('b/')).toBeLessThan(names(1).indexOf('b/c/'));
      const blob = join(project.oci, 'blobs/sha256', manifest.layers[1]?.digest.slice(7) ?? '');
      const owners = (await output('tar', ['-Ptvf', blob]))
        .split('\n')
        .filter(Boolean)
        .map(line => line.split(/\s+/)[1]);
      expect(new Set(owners)).toEqual(new Set(['0/0', '1/1']));
      for (const [i, diffId] of config.rootfs.diff_ids.entries()) {
        const layer = join(project.oci, 'blobs/sha256', manifest.layers[i]?.digest.slice(7) ?? '');
        const sum = await output('sh', ['-c', 'zcat "$0" | sha256sum', layer]);
        expect(`sha256:${sum.slice(0, 64)}`).toBe(diffId);
      }
    });

    it('are zstd on demand, with the right media type, and a base for the next build', async () => {
      const project = workspace.project();
      await project.build({ one: { from: busybox, run: 'echo zstd >/f' } }, ['--compression', 'zstd']);
      const { manifest } = project.image('one');
      expect(new Set(manifest.layers.map(layer => layer.mediaType))).toEqual(
        new Set(['application/vnd.oci.image.layer.v1.tar+zstd']),
      );
      const copy = project.at('copy');
      await output('skopeo', ['copy', '--quiet', `oci:${project.oci}:one`, `dir:${copy}`]);
      await project.build({ two: { from: { type: 'oci', url: 'oci:one' }, run: 'cat /f >/g' } });
      expect(project.image('two').layers.slice(0, 2)).toEqual(manifest.layers.map(layer => layer.digest));
    });

    it('keep their digests on the way to a registry and back', async () => {
      await using registry = await startRegistry();
      const project = workspace.project();
      await project.build({ one: { from: busybox, run: 'touch /one', labels: { a: 'b' } } });
      const remote = `docker://${registry.host}/some/image:v1`;
      await output('skopeo', [
        'copy',
        '--quiet',
        '--dest-tls-verify=false',
        `oci:${project.oci}:one`,
        remote,
      ]);
      const back = project.at('back');
      await output('skopeo', ['copy', '--quiet', '--src-tls-verify=false', remote, `oci:${back}:one`]);
      const inspected = await output('skopeo', [
        'inspect',
        '--tls-verify=false',
        '--format',
        '{{.Digest}}',
        remote,
      ]);
      expect(inspected.trim()).toBe(project.image('one').digest);
      const other = workspace.project('own');
      cpSync(back, other.oci, { recursive: true });
      expect(other.image('one').digest).toBe(project.image('one').digest);
      await other.build({
        two: { from: { type: 'docker', url: remote, insecure: true }, run: 'test -e /one; touch /two' },
      });
      expect(other.image('two').layers.slice(0, 2)).toEqual(project.image('one').layers);
    });

    it.runIf(has('runc'))('are run by runc', async () => {
      const project = workspace.project();
      const run = "printf 'echo I run as $(id -u)\\n' >/start; chmod 755 /start";
      await project.build({ one: { from: busybox, run, cmd: ['/bin/sh', '/start'], user: '1000' } });
      const root = await project.unpack('one');
      // umoci has made the runtime's configuration from the image's; this host's cgroups are not the test's subject.
      const script = `
        jq '.process.terminal=false | del(.linux.resources) | .linux.namespaces |= map(select(.type|IN("pid","mount","ipc","uts"))) | del(.linux.cgroupsPath) | .mounts |= map(select(.type|IN("sysfs","cgroup")|not))' "$1/config.json" >"$1/new" &&
        mv "$1/new" "$1/config.json" && exec runc --root "$1/state" run --bundle "$1" "e2e-$$" </dev/null`;
      const stdout = await outputAsRoot('sh', ['-c', script, 'sh', join(root, '..')]);
      expect(stdout).toBe('I run as 1000\n');
    });
  },
);
