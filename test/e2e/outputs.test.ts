import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { collectGarbage } from '../../src/engine/index.ts';
import type { DiskContainer, Output } from '../../src/plan/outputs.ts';
import { simpleDisk } from '../../src/plan/simple-disk.ts';
import type { CopyStep, ImagePlan, SetupStep } from '../../src/plan/types.ts';
import { rawTar } from '../layers/support.ts';
import { asRoot, buildRpms, installRpms, rpm } from '../stacking/rpms.ts';
import { has, isRoot } from '../support/tools.ts';
import { container, outputs, packageList } from './outputs.ts';
import { useNewUser } from './plain-user.ts';
import { at, buildImages, execStep, imagePlan } from './plans.ts';
import { busyboxLayout, busyboxRoot, dpkgStatus, packTar } from './roots.ts';
import { ashlarProgram, execute, output, outputAsRoot, useWorkspace } from './support.ts';

const workspace = useWorkspace();
let base = '';
beforeAll(() => {
  base = `${busyboxLayout(workspace.path)}:busybox`;
});

let directories = 0;
function newDirectory(): string {
  directories += 1;
  const path = join(workspace.path, `build-${directories}`);
  mkdirSync(path);
  return path;
}

/** Builds an image with these outputs below a directory; results are in `results` there. */
async function make(directory: string, made: readonly Output[], rest: Partial<ImagePlan> = {}) {
  const results = join(directory, 'results');
  const image = imagePlan('image', base, { emit: false, ...rest, outputs: made });
  const { images, events } = await buildImages(directory, [image], { results });
  return { results, events, outputs: images.flatMap(one => one.outputs) };
}

function digestsIn(results: string, files: readonly string[]): Record<string, string> {
  const digest = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(results, file)))
      .digest('hex');
  return Object.fromEntries(files.map(file => [file, digest(file)]));
}

const files = outputs.map(({ file }) => file);

describe.skipIf(!has('mke2fs', 'mksquashfs', 'xz'))('file systems and archives of a tree', () => {
  const directory = () => join(workspace.path, 'shared');
  beforeAll(async () => {
    await make(directory(), outputs);
  });
  const result = (file: string) => join(directory(), 'results', file);

  it('hold what the tree holds', async () => {
    expect(readdirSync(join(directory(), 'results')).sort()).toEqual([...files].sort());
    await output('e2fsck', ['-fn', result('tree.ext4')]);
    const inExt4 = await output('debugfs', ['-R', 'ls -p /bin', result('tree.ext4')]);
    const inTar = (await output('tar', ['-tf', result('tree.tar.xz'), '--wildcards', '*bin/*'])).split('\n');
    const names = inTar.filter(name => name !== '').map(name => name.replace(/.*bin\//, ''));
    expect(names.length).toBeGreaterThan(100);
    for (const name of names) expect(inExt4).toContain(`/${name}/`);
    const inSquashfs = await output('unsquashfs', ['-l', result('tree.squashfs'), 'bin']);
    for (const name of names) expect(inSquashfs).toContain(`/bin/${name}\n`);
    const inCpio = execFileSync('cpio', ['-t', '--quiet'], {
      input: readFileSync(result('tree.cpio')),
      encoding: 'utf8',
    });
    for (const name of names) expect(inCpio).toContain(`bin/${name}\n`);
  });

  it('are known the second time, and copied', async () => {
    const before = digestsIn(join(directory(), 'results'), files);
    const again = await make(directory(), outputs);
    expect(again.outputs.map(({ file, cached, sha256 }) => [file, cached, sha256])).toEqual(
      files.map(file => [file, true, before[file]]),
    );
    expect(digestsIn(again.results, files)).toEqual(before);
    for (const file of files) expect(statSync(join(again.results, file)).nlink).toBe(1);
    const [tree, ...others] = new Set(again.outputs.map(one => one.tree));
    expect(tree).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(others).toEqual([]);
    for (const { path, bytes, file } of again.outputs) {
      expect(path).toBe(join(again.results, file));
      expect(bytes).toBe(statSync(path).size);
    }
  });
});

describe('what was made', () => {
  const list = packageList('packages');

  it('is made again when what was kept has changed', async () => {
    const own = newDirectory();
    const [before] = (await make(own, [list])).outputs;
    const kept = join(own, 'store/outputs');
    for (const key of readdirSync(kept)) writeFileSync(join(kept, key, 'file'), 'damaged');
    const second = await make(own, [list]);
    expect(second.outputs).toMatchObject([{ cached: false, sha256: before?.sha256 }]);
  });

  it('goes from the store when nobody needs it', async () => {
    const own = newDirectory();
    await make(own, [list]);
    const options = { store: join(own, 'store'), olderThan: 0, dryRun: false };
    const removed = async (all: boolean) => {
      const { signal } = new AbortController();
      const result = await collectGarbage({ ...options, all }, () => {}, signal);
      return result.removed.filter(({ use }) => use.startsWith('output '));
    };
    expect(await removed(false)).toEqual([]);
    expect(await removed(true)).toHaveLength(1);
    expect(readdirSync(join(own, 'store/outputs'))).toEqual([]);
  });
});

describe('containers', () => {
  it.skipIf(!has('skopeo', 'xz'))('are what skopeo reads', async () => {
    const made = [
      container('docker', ['app:1', 'app:2']),
      container('oci', ['app:1']),
      container('oci', ['app:1'], 'xz'),
      container('layout', ['latest']),
    ];
    const { results, outputs: facts } = await make(newDirectory(), made);
    // It unpacks archives with the owners that they have.
    const config = async (reference: string) =>
      JSON.parse(await outputAsRoot('skopeo', ['inspect', '--config', reference])).rootfs;
    const expected = await config(`oci:${base}`);
    expect(await config(`docker-archive:${results}/image.docker.tar:app:2`)).toEqual(expected);
    expect(await config(`oci-archive:${results}/image.oci.tar:app:1`)).toEqual(expected);
    expect(await config(`oci:${results}/image-root:latest`)).toEqual(expected);
    const plain = execFileSync('xz', ['--decompress', '--stdout', join(results, 'image.oci.tar.xz')], {
      maxBuffer: 1 << 26,
    });
    expect(plain.equals(readFileSync(join(results, 'image.oci.tar')))).toBe(true);
    expect(facts.map(({ file, sha256 }) => [file, sha256 !== undefined])).toEqual([
      ['image.docker.tar', true],
      ['image.oci.tar', true],
      ['image.oci.tar.xz', true],
      ['image-root', false],
    ]);
  });

  it.skipIf(!has('skopeo', 'qemu-img', 'mke2fs'))('hold disks as they are', async () => {
    const size = { kind: 'content', additional: 0 } as const;
    const disk = simpleDisk({ architecture: 'x86_64', loader: 'none', size, title: 'a disk' });
    const held = (format: 'docker' | 'oci', file: string): DiskContainer => ({
      ...{ format, disk: file, names: ['disk:1'], labels: { a: 'b' } },
      ...{ createdBy: 'a test', file: `disk.${format}.tar`, role: 'container' },
    });
    const qcow2 = { format: 'qcow2', options: [], file: 'disk.qcow2', role: 'disk_format_image' } as const;
    const whole: Output = {
      ...{ kind: 'disk', disk, file: 'disk.raw', role: 'disk_image', at },
      formats: [qcow2],
      containers: [held('oci', 'disk.qcow2'), held('docker', 'disk.raw')],
    };
    const { results, outputs: facts } = await make(newDirectory(), [whole]);
    expect(facts.map(({ file, kind }) => [file, kind])).toEqual([
      ['disk.raw', 'disk'],
      ['disk.qcow2', 'disk'],
      ['disk.oci.tar', 'container'],
      ['disk.docker.tar', 'container'],
    ]);
    for (const [reference, file] of [
      [`oci-archive:${results}/disk.oci.tar:disk:1`, 'disk.qcow2'],
      [`docker-archive:${results}/disk.docker.tar:disk:1`, 'disk.raw'],
    ] as const) {
      const said = JSON.parse(await outputAsRoot('skopeo', ['inspect', '--config', reference]));
      expect(said).toMatchObject({ architecture: 'amd64', os: 'linux', config: { Labels: { a: 'b' } } });
      const unpacked = newDirectory();
      await outputAsRoot('skopeo', ['copy', '--quiet', reference, `dir:${unpacked}`]);
      const layer = join(unpacked, said.rootfs.diff_ids[0].replace('sha256:', ''));
      const listed = await output('tar', ['--numeric-owner', '-tvf', layer]);
      expect(listed).toMatch(/^drwxr-xr-x 0\/0 .* disk\/\n-rw-r--r-- 107\/107 .* disk\/disk\.\w+\n$/);
      const plain = join(results, file);
      execFileSync('tar', ['-xOf', layer, `disk/${file}`], {
        stdio: ['ignore', openSync(`${layer}.disk`, 'w'), 'pipe'],
      });
      expect(readFileSync(`${layer}.disk`).equals(readFileSync(plain))).toBe(true);
    }
    const written = statSync(join(results, 'disk.docker.tar'));
    expect(written.blocks * 512).toBeLessThan(written.size);
  });

  it('are refused without a name', async () => {
    await expect(make(newDirectory(), [container('oci', [])])).rejects.toThrow('needs a name');
  });
});

describe('lists of packages', () => {
  it('say what databases say, and which files are other ones', async () => {
    const root = newDirectory();
    const write = (path: string, text: string) => {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    write('var/lib/dpkg/status', dpkgStatus('zlib1g', 'adduser'));
    write('usr/bin/a', 'a');
    write('usr/bin/changed', 'changed');
    write(
      'var/lib/dpkg/info/adduser.md5sums',
      `${md5('a')}  usr/bin/a\n${md5('b')}  usr/bin/changed\n${md5('c')}  usr/bin/gone\n`,
    );
    write('lib/apk/db/installed', 'P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n');
    const tar = `${root}.tar`;
    packTar(root, tar);
    const { results } = await make(
      newDirectory(),
      [packageList('packages'), packageList('verified'), packageList('changes')],
      { base: { kind: 'tar', source: { kind: 'file', path: tar, at }, createdBy: '', at } },
    );
    const text = (file: string) => readFileSync(join(results, file), 'utf8');
    expect(text('image.packages')).toMatch(
      /^adduser\|None\|[^|]+\|None\|\w+\|None\|None\nmusl\|None\|1\.2\.5\|r0\|x86_64\|None\|MIT\nzlib1g\|.*\n$/,
    );
    expect(text('image.verified')).toBe('??5??????   /usr/bin/changed\nmissing     /usr/bin/gone\n');
    expect(text('image.changes')).toBe('adduser|\n\nmusl|\n\nzlib1g|\n\n');
  });
});

describe.skipIf(!has('rpm', 'rpmbuild'))('lists of packages of rpm', () => {
  it('say what rpm says', async () => {
    const work = newDirectory();
    const root = join(work, 'root');
    const files = {
      '/usr/bin/kept': 'kept',
      '/usr/bin/changed': 'before',
      '/etc/setting': 'x',
      '/usr/bin/gone': '',
    };
    const packages = buildRpms(work, [
      { name: 'one', files, preamble: ['Epoch: 2'] },
      { name: 'two', version: '2.1' },
    ]);
    installRpms(root, packages);
    const change =
      'echo longer >usr/bin/changed; touch -d @1500000000 usr/bin/changed; chmod 600 etc/setting; rm usr/bin/gone';
    asRoot('sh', '-c', `cd "$0" && ${change}`, root);
    const query = '%{NAME}|%{EPOCH}|%{VERSION}|%{RELEASE}|%{ARCH}|%{DISTURL}|%{LICENSE}\\n';
    const packed = `${root}.tar`;
    asRoot('tar', '-C', root, '--numeric-owner', '-cf', packed, '.');
    const { results } = await make(newDirectory(), [packageList('packages'), packageList('verified')], {
      base: { kind: 'tar', source: { kind: 'file', path: packed, at }, createdBy: '', at },
    });
    const text = (file: string) => readFileSync(join(results, file), 'utf8');
    expect(text('image.packages').split('\n').sort()).toEqual(
      rpm(root, '-qa', '--qf', query).split('\n').sort(),
    );
    const macros = ['--define', '_db_backend sqlite', '--define', '_dbpath /var/lib/rpm'];
    const said = asRoot(
      'sh',
      '-c',
      '"$@" || true',
      'sh',
      'rpm',
      '--root',
      root,
      ...macros,
      '-Va',
      '--nodeps',
    );
    expect(said).toContain('S.5....T.    /usr/bin/changed');
    expect(text('image.verified').split('\n').sort()).toEqual(said.split('\n').sort());
  });
});

describe('the directory of results', () => {
  it('keeps what it has when something fails, and gets nothing', async () => {
    const directory = newDirectory();
    const results = join(directory, 'results');
    mkdirSync(results);
    writeFileSync(join(results, 'image.packages'), 'of a former run');
    const failing = imagePlan('failing', base, {
      after: ['image'],
      emit: false,
      base: {
        kind: 'tar',
        source: { kind: 'file', path: join(directory, 'missing.tar'), at },
        createdBy: '',
        at,
      },
    });
    const made = [packageList('packages'), container('layout', ['1'])];
    const image = imagePlan('image', base, { emit: false, outputs: made });
    await expect(buildImages(directory, [image, failing], { results })).rejects.toThrow('missing.tar');
    expect(readdirSync(results)).toEqual(['image.packages']);
    expect(readFileSync(join(results, 'image.packages'), 'utf8')).toBe('of a former run');
    await make(directory, made);
    expect(readdirSync(results).sort()).toEqual(['image-root', 'image.packages']);
    expect(readFileSync(join(results, 'image.packages'), 'utf8')).toBe('');
    // A directory takes the place of the one before.
    await make(directory, made);
    expect(readdirSync(results).sort()).toEqual(['image-root', 'image.packages']);
  });
});

describe('copies', () => {
  it('go through links of the image, and archives are extracted there', async () => {
    const directory = newDirectory();
    const host = newDirectory();
    mkdirSync(join(host, 'lib/deep'), { recursive: true });
    writeFileSync(join(host, 'lib/deep/file'), 'copied');
    const packed = newDirectory();
    mkdirSync(join(packed, 'lib'));
    writeFileSync(join(packed, 'lib/archived'), 'extracted', { mode: 0o640 });
    packTar(packed, `${packed}.tar.gz`, '-z');
    const copy = (path: string, rest: object): CopyStep => ({
      kind: 'copy',
      items: [
        { source: { kind: 'file', path, at }, target: '/', keep: 'content', uid: 0, gid: 0, at, ...rest },
      ],
      createdBy: '',
      at,
    });
    const link = execStep(['/bin/sh', '-c', 'chmod 711 /usr && mkdir -m 711 /usr/lib && ln -s usr/lib /lib']);
    const look = execStep([
      '/bin/sh',
      '-c',
      'test -L /lib && test "$(stat -c %a /usr/lib)" = 711 && cat /usr/lib/deep/file /usr/lib/archived >/seen && stat -c %a /lib/archived >>/seen',
    ]);
    const steps = [
      link,
      copy(host, { throughLinks: true }),
      copy(`${packed}.tar.gz`, { extract: true }),
      look,
    ];
    const { outputs: made } = await make(directory, [container('layout', ['latest'])], { steps });
    expect(made).toHaveLength(1);
    const again = await buildImages(directory, [imagePlan('image', base, { emit: false, steps })]);
    expect(again.images[0]?.cached).toBe(true);
  });
});

const canBeAnother = isRoot && has('useradd', 'runuser', 'newuidmap', 'mksquashfs', 'mke2fs');
describe.runIf(canBeAnother)('root and a plain user', () => {
  const { user, home } = useNewUser('out');

  it('make the same bytes, of devices and owners, too', async () => {
    const root = newDirectory();
    execFileSync('tar', ['-C', root, '-xf', busyboxRoot(newDirectory())]);
    const script =
      'mknod dev/null c 1 3; mkfifo pipe; chown 5:6 etc; chmod 4755 bin/busybox; ln bin/busybox again';
    mkdirSync(join(root, 'dev'), { recursive: true });
    execFileSync('sh', ['-c', script], { cwd: root });
    const tar = join(newDirectory(), 'root.tar');
    execFileSync('tar', [
      '-C',
      root,
      '--sort=name',
      '--mtime=@1600000000',
      '--numeric-owner',
      '-cf',
      tar,
      '.',
    ]);
    // GNU tar takes each name of a device for one of its own.
    const device = { name: 'etc/a', type: '3', major: 1, minor: 3 };
    const links = ['etc/b', 'etc/c'].map(name => ({ name, type: '1', link: 'etc/a' }));
    const names = join(newDirectory(), 'names.tar');
    writeFileSync(names, rawTar([device, ...links]));
    execFileSync('tar', ['-Af', tar, names]);
    const below = newDirectory();
    const source = { kind: 'file', path: tar, at } as const;
    // Of the names of a device the first is gone in the layer above.
    const removal: SetupStep = {
      ...{ kind: 'setup', changes: [{ kind: 'remove', path: '/etc/a' }], createdBy: '', at },
    };
    const plan = imagePlan('below', undefined, {
      base: { kind: 'tar', source, createdBy: '', at },
      steps: [removal],
    });
    await buildImages(below, [plan]);
    execFileSync('cp', ['-rL', join(below, 'oci'), join(home, 'oci')]);
    execFileSync('chmod', ['-R', 'a+rX', join(home, 'oci')]);
    const layout = `${join(home, 'oci')}:below`;
    // The checkout may lie where a plain user cannot look.
    const place = join(home, 'checkout');
    mkdirSync(place);
    const program = 'test/e2e/outputs.ts';
    const run = `mount --bind "$1" "$2" && cd / && exec runuser -u "$3" -- "$4" "$2/${program}" "$5" "$6"`;
    const checkout = join(ashlarProgram, '../..');
    const args = [
      '--mount',
      'sh',
      '-c',
      run,
      'sh',
      checkout,
      place,
      user,
      process.execPath,
      layout,
      join(home, 'own'),
    ];
    const theirs = await execute('unshare', args);
    expect(theirs.stderr).toBe('');
    const ours = await output(process.execPath, [join(checkout, program), layout, newDirectory()]);
    expect(JSON.parse(theirs.stdout)).toEqual(JSON.parse(ours));
    expect(existsSync(join(home, 'own/results/tree.ext4'))).toBe(true);
  });
});
