import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxRoot, changedBusybox } from './roots.ts';
import { type Ended, failureOf, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
let project: Project;

const name = 'Tiny.x86_64-1.2.3';
const HOSTS = '192.0.2.1 kept\n';

function description(types: string, more = '', version = '1.2.3'): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="8.0" name="Tiny">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <preferences><version>${version}</version><packagemanager>apt</packagemanager>${types}</preferences>
  ${more}
</image>
`;
}

/** A tree in which another description has left its scripts, as an image of a layout. */
function makeBase(): void {
  busyboxRoot(workspace.path);
  changedBusybox(workspace, `${project.at('base')}:1`, root => {
    const write = (path: string, text: string, mode = 0o644) => writeIn(root, path, text, mode);
    write('etc/hosts', HOSTS);
    write('etc/group', 'root:x:0:\n');
    write('etc/shadow', 'root:*:::::::\n');
    write('image/config.xml', description('<type image="cpio"/>', '', '9.9.9'));
    for (const script of ['config.sh', 'images.sh', 'disk.sh', 'post_bootstrap.sh'])
      write(`image/${script}`, '#!/bin/sh\necho old > /etc/old-ran\n', 0o755);
    write('.kconfig', 'echo old > /etc/old-ran\n');
    write('run/left', '');
  });
}

function writeIn(root: string, path: string, text: string, mode: number): void {
  execFileSync(
    'sh',
    [
      '-c',
      'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"',
      'sh',
      join(root, path),
      mode.toString(8),
    ],
    {
      input: text,
    },
  );
}

beforeAll(() => {
  project = workspace.project();
  makeBase();
  project.write(
    'new/config.xml',
    description(
      '<type image="tbz"/><type image="docker"><containerconfig name="tiny" tag="7"><entrypoint execute="/bin/sh"/></containerconfig></type>',
      '<users><user name="root" password="$6$a$b" home="/root" groups="root"/></users>',
    ),
  );
  const config = `#!/bin/sh
set -e
test -f /.kconfig && . /.kconfig
test -f /.profile && . /.profile
echo 'KEY="old"' > /etc/sysconfig/test
baseUpdateSysConfig /etc/sysconfig/test KEY "$kiwi_iname $MINE"
pwd > /etc/config-ran
id -u >> /etc/config-ran
`;
  project.write('new/config.sh', config, 0o755);
  // Not executable: bash runs it, which is busybox's shell here.
  project.write('new/root/bin/bash', '#!/bin/sh\nexec sh "$@"\n', 0o755);
  project.write('new/images.sh', 'echo images >> /etc/images-ran\n');
  project.write('new/root/etc/issue', 'overlay\n', 0o600);
});

const base = () => ['--stash', `oci:${project.at('base')}:1`];

async function stackbuild(target: string, ...args: readonly string[]): Promise<Ended> {
  return project.ashlar(['system', 'stackbuild', '--target-dir', project.at(target), ...args]);
}

/** A build that must succeed. */
async function made(target: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await stackbuild(target, ...args);
  if (ended.status !== 0) throw new Error(`it ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** The lines of `tar -t` or the content of a file, of the archive among the results. */
function tar(target: string, ...options: readonly string[]): string {
  return execFileSync('tar', [...options, '--file', project.at(target, `${name}.tar.xz`)], {
    encoding: 'utf8',
  });
}

function contentOf(target: string, path: string): string {
  return tar(target, '-Pxo', '--to-stdout', '--wildcards', '--no-anchored', '--get', path);
}

interface Report {
  readonly images: readonly {
    readonly cached: boolean;
    readonly outputs: readonly { readonly cached: boolean; readonly sha256?: string }[];
  }[];
}

const reportOf = ({ path }: Project, file: string) =>
  JSON.parse(readFileSync(join(path, file), 'utf8')) as Report;

const can = has('umoci', 'busybox', 'xz');

describe.runIf(can)('system stackbuild', () => {
  it('builds a new image on a container, rebuilds it from its stash, and does nothing twice', async () => {
    const built = await made(
      'one',
      ...base(),
      '--description',
      'new',
      '--type',
      'tbz',
      '--setenv',
      'MINE=x y',
    );
    const results = [`${name}.tar.xz`, `${name}.packages`, `${name}.changes`, `${name}.verified`];
    expect(built.stdout.trim().split('\n').slice(-4)).toEqual(results.map(file => project.at('one', file)));

    // Scripts ran at the root of the tree, with what they are promised, and none of the container's description.
    expect(contentOf('one', 'config-ran')).toBe('/\n0\n');
    expect(contentOf('one', 'sysconfig/test')).toBe('KEY="Tiny x y"\n');
    expect(contentOf('one', 'images-ran')).toBe('images\n');
    expect(contentOf('one', 'etc/hosts')).toBe(HOSTS);
    expect(contentOf('one', 'etc/shadow')).toMatch(/^root:\$6\$a\$b:/);
    const listed = tar('one', '--numeric-owner', '-tv');
    expect(listed).toMatch(/^-rw------- 0\/0 .* \S*etc\/issue$/m);
    expect(listed).not.toMatch(/old-ran|image\/|\.kconfig|\.profile|run\/left/);

    const sum = readFileSync(project.at('one', `${name}.tar.xz.sha256`), 'utf8');
    expect(execFileSync('sha256sum', [`${name}.tar.xz`], { cwd: project.at('one'), encoding: 'utf8' })).toBe(
      sum,
    );
    expect(JSON.parse(readFileSync(project.at('one', 'kiwi.result.json'), 'utf8'))).toMatchObject({
      root_archive: {
        filename: project.at('one', `${name}.tar.xz`),
        use_for_bundle: true,
        compress: false,
        shasum: true,
      },
      image_packages: { filename: project.at('one', `${name}.packages`) },
    });

    await project.ashlar([
      'system',
      'stash',
      '--root',
      project.at('one/build/image-root'),
      '--container-name',
      'tiny',
    ]);
    await made('two', '--stash', 'tiny');
    // The contract of KIWI: it runs again on a tree where it has run.
    expect(contentOf('two', 'images-ran')).toBe('images\nimages\n');
    expect(contentOf('two', 'etc/hosts')).toBe(HOSTS);

    await made('three', '--stash', 'tiny', '--report', 'report.json');
    const archive = (target: string) => readFileSync(project.at(target, `${name}.tar.xz`));
    expect(archive('three').equals(archive('two'))).toBe(true);
    const { images } = reportOf(project, 'report.json');
    // A directory of blobs is put together anew.
    const files = images.flatMap(({ outputs }) => outputs).filter(({ sha256 }) => sha256 !== undefined);
    expect([...images, ...files].map(({ cached }) => cached)).toEqual([true, true, true, true, true, true]);
  });

  it('takes the description of the last of several stashes, and warns of what they disagree about', async () => {
    changedBusyboxWith(project.at('upper'), description('<type image="tbz"/>'));
    const ended = await made('several', ...base(), '--stash', `oci:${project.at('upper')}:1`);
    expect(contentOf('several', 'upper-ran')).toBe('upper\n');
    expect(contentOf('several', 'etc/hosts')).toBe('upper\n');
    expect(tar('several', '-t')).not.toMatch(/old-ran/);
    expect(ended.stderr).toContain('/etc/hosts');
  });

  it.runIf(has('skopeo'))('makes a container of one layer above what it is built on', async () => {
    const ended = await made(
      'container',
      ...base(),
      '--description',
      'new',
      '--type',
      'docker',
      '--logfile',
      'stdout',
      '--',
      '--set-container-tag',
      '8',
    );
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(/^preparing image Tiny\.\.\.$/m);
    const archive = `docker-archive:${project.at('container', `${name}.docker.tar`)}`;
    const inspected = JSON.parse(
      execFileSync('skopeo', ['inspect', '--config', archive], { encoding: 'utf8' }),
    ) as {
      readonly config: { readonly Entrypoint: readonly string[] };
      readonly rootfs: { readonly diff_ids: readonly string[] };
    };
    expect(inspected.config.Entrypoint).toEqual(['/bin/sh']);
    expect(inspected.rootfs.diff_ids).toHaveLength(2);
    const { RepoTags } = JSON.parse(
      execFileSync('tar', ['-xOf', project.at('container', `${name}.docker.tar`), 'manifest.json'], {
        encoding: 'utf8',
      }),
    )[0] as { readonly RepoTags: readonly string[] };
    expect(RepoTags.join()).toMatch(/tiny:8$/);
  });

  it('makes the results of a directory as often as wanted, and leaves it as it is', async () => {
    const root = join(workspace.path, 'root/busybox');
    const state = () =>
      execFileSync('find', [root, '-printf', '%p %s %m %T@ %C@\n'], { encoding: 'utf8' }).split('\n').sort();
    const before = state();
    const create = async (target: string) => {
      const ended = await project.ashlar([
        'system',
        'create',
        '--root',
        root,
        '--target-dir',
        project.at(target),
      ]);
      expect(ended.stderr).not.toMatch(/error|existing stash|initial layer/);
      return readFileSync(project.at(target, 'Tiny.x86_64-9.9.9.cpio'));
    };
    const made = await create('created');
    expect(made.toString('latin1')).toContain('etc/old-ran');
    expect((await create('created')).equals(made)).toBe(true);
    expect(state()).toEqual(before);
    const { stdout } = await project.ashlar(['system', 'stash', '--list']);
    expect(stdout).not.toContain('tree-');

    const other = project.at('no-tree');
    mkdirSync(other);
    const failed = await project.ashlar([
      'system',
      'create',
      '--root',
      other,
      '--target-dir',
      project.at('none'),
    ]);
    expect(failureOf(failed)).toContain(`no XML description found in /image of ${other}`);
    expect(existsSync(project.at('none'))).toBe(false);
  });

  it('leaves nothing where a script fails, and says which', async () => {
    project.write('bad/config.xml', description('<type image="tbz"/>'));
    project.write('bad/config.sh', '#!/bin/sh\necho before\nexit 3\n', 0o755);
    const ended = await stackbuild('failed', ...base(), '--description', 'bad');
    expect(failureOf(ended)).toContain('config.sh failed with');
    expect(failureOf(ended)).toContain('exit status 3');
    expect(existsSync(project.at('failed'))).toBe(false);
  });

  it('shows what it would do and does nothing', async () => {
    const ended = await made('dry', ...base(), '--description', 'new', '--dry-run');
    expect(ended.stdout).toContain('setup   users root');
    expect(ended.stdout).toContain('run     3 lines (kiwi config.sh)');
    expect(ended.stdout).toContain(`output  ${name}.tar.xz`);
    expect(existsSync(project.at('dry'))).toBe(false);
  });

  it('ends with 2 where it was called wrongly, before anything is done', async () => {
    const ended = await stackbuild('wrong', '--stash', 'x', '--', '--add-package', 'y');
    expect(ended.stderr).toContain("unknown option '--add-package'");
    expect(ended.status).toBe(2);
    expect(existsSync(project.at('wrong'))).toBe(false);
  });

  it('does not touch a tree that is there', async () => {
    project.write('there/build/image-root/file', '');
    expect(failureOf(await stackbuild('there', '--stash', 'x'))).toContain(
      `image root dir: '${project.at('there/build/image-root')}' already exists`,
    );
  });
});

/** Another container with a description, whose files differ from those of the base. */
function changedBusyboxWith(layout: string, config: string): void {
  const own = { ...workspace, path: join(workspace.path, 'other') };
  execFileSync('mkdir', ['-p', own.path]);
  changedBusybox(own, `${layout}:1`, root => {
    writeIn(root, 'etc/hosts', 'upper\n', 0o644);
    writeIn(root, 'image/config.xml', config, 0o644);
    writeIn(root, 'image/images.sh', '#!/bin/sh\necho upper > /etc/upper-ran\n', 0o755);
  });
}
