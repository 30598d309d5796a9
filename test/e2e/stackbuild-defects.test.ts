/** What KIWI's stackbuild is known to do wrong, as it is done here: seen through the command line by foreign tools. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { readImage } from './images.ts';
import { busyboxRoot, dpkgStatus, packTar, umoci } from './roots.ts';
import { type Ended, failureOf, output, outputAsRoot, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
let project: Project;

const HOSTS = '127.0.0.1 kept\n\n\n# to the byte';
const RESOLV = 'nameserver 192.0.2.53\n';

function description(name: string, more = ''): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="8.0" name="${name}">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <preferences><version>1.0.0</version><packagemanager>apt</packagemanager><type image="tbz"/></preferences>
  ${more}
</image>
`;
}

/** What a description has left in a tree, whose scripts must not run when another one is in use. */
const leftBy = (name: string) => `
mkdir -p image/root
for script in post_bootstrap.sh config.sh images.sh disk.sh pre_disk_sync.sh; do
  printf '#!/bin/sh\\necho ${name} >> /ran\\n' > image/$script && chmod 755 image/$script
done
echo 'echo ${name} >> /ran' | tee .kconfig > .profile
echo ${name} > image/only-${name}
cat > image/config.xml << 'END'
${description(name)}END`;

/** Makes a directory by a shell script; what is in it is root's. */
async function directory(name: string, script: string): Promise<string> {
  const path = project.at(name);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  await outputAsRoot('sh', ['-ec', `umask 022\n${script}`], { cwd: path });
  return path;
}

/** An image with a layer for each script that fills a directory, made by no code of ours. */
async function image(name: string, ...scripts: readonly string[]): Promise<string> {
  const reference = `${project.at(name)}:1`;
  umoci('init', '--layout', project.at(name));
  umoci('new', '--image', reference);
  for (const [i, script] of scripts.entries()) {
    const tar = project.at(`${name}-${i}.tar`);
    packTar(await directory(`${name}-${i}`, script), tar);
    umoci('raw', 'add-layer', '--image', reference, tar);
  }
  return `oci:${reference}`;
}

async function stashed(root: string, ...args: readonly string[]): Promise<void> {
  await succeeded(project.ashlar(['system', 'stash', '--root', root, ...args]));
}

async function succeeded(running: Promise<Ended>): Promise<Ended> {
  const ended = await running;
  if (ended.status !== 0) throw new Error(`it ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  return ended;
}

const stackbuild = (target: string, args: readonly string[], globals: readonly string[] = []) =>
  project.ashlar([...globals, 'system', 'stackbuild', '--target-dir', project.at(target), ...args]);

/** The tree of a build, stashed again for umoci, which knows no zstd. */
async function treeOf(target: string): Promise<Tree> {
  await stashed(project.at(target, 'build/image-root'), '--container-name', target);
  return new Tree(await project.unpack('latest', join(project.store, 'stashes', target)));
}

class Tree {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** What a shell prints in it. */
  async says(script: string): Promise<string> {
    return outputAsRoot('sh', ['-c', script], { cwd: this.path });
  }

  async text(path: string): Promise<string> {
    return outputAsRoot('cat', [join(this.path, path)]);
  }
}

const can = has(
  ...[
    'umoci',
    'busybox',
    'xz',
    'setcap',
    'getcap',
    'setfacl',
    'getfacl',
    'setfattr',
    'getfattr',
    'dpkg-query',
  ],
);

/** Below: a tree of a stash, as a build of KIWI leaves it, with everything that a tree can have. */
const LOWER = `
tar -xf "$BUSYBOX"
${leftBy('lower')}
printf '${HOSTS.replaceAll('\n', '\\n')}' > etc/hosts
printf '${RESOLV.replaceAll('\n', '\\n')}' > etc/resolv.conf
echo 'ID=one' > etc/os-release
mkdir -p a dir lib opt usr/bin var/lib/dpkg/info
echo aa > etc/clamped
echo both > a/h1 && ln a/h1 a/h2 && ln a/h1 a/h3
echo low | tee dir/low > lib/low
echo stays > common
echo cap > usr/bin/cap && chmod 755 usr/bin/cap && setcap cap_net_raw+ep usr/bin/cap
echo acl > opt/acl && setfacl -m u:7:rw opt/acl && setfattr -n user.colour -v blue opt/acl && chown 7:8 opt/acl
echo suid > usr/bin/suid && chmod 4755 usr/bin/suid
touch -h -d @1600000000 etc/clamped
cat > var/lib/dpkg/status << 'END'
${dpkgStatus('low 1.0')}
END
: > var/lib/dpkg/info/low.list`;

/** On it: all times clamped, merged /usr, another system; what it deletes is its own. */
const UPPER = [
  `${leftBy('upper')}
mkdir -p etc a dir usr/lib var/lib/dpkg/info
echo bb > etc/clamped
echo one > a/h1
echo two > a/h2
ln -s usr/lib lib
echo up > usr/lib/up
echo 'ID=two' > etc/os-release
echo own | tee own > common
echo middle > dir/middle
cat > var/lib/dpkg/status << 'END'
${dpkgStatus('up 2.0')}
END
: > var/lib/dpkg/info/up.list`,
  `mkdir dir && : > .wh.own && : > .wh.common && : > dir/.wh..wh..opq && echo top > dir/top`,
];

/** At the top: a directory where there is a link by now, and a description without scripts. */
const TOP = `
mkdir -p lib image
echo x > lib/x
cat > image/config.xml << 'END'
${description('Top')}END`;

describe.runIf(can)('a stack of containers, rebuilt', () => {
  let ended: Ended;
  let tree: Tree;

  beforeAll(async () => {
    project = workspace.project();
    busyboxRoot(workspace.path);
    const lower = await directory('lower', LOWER.replace('$BUSYBOX', join(workspace.path, 'busybox.tar')));
    await stashed(lower, '--container-name', 'lower');
    const [upper, top] = [await image('upper', ...UPPER), await image('top', TOP)];
    ended = await succeeded(stackbuild('three', ['--stash', 'lower', '--stash', upper, '--stash', top]));
    tree = await treeOf('three');
  });

  it('has the upper file where times and sizes are the same', async () => {
    expect(await tree.text('etc/clamped')).toBe('bb\n');
    expect(await tree.says('stat -c %Y etc/clamped')).toBe('1600000000\n');
  });

  it('has no hard links across containers, and keeps those of each', async () => {
    expect(await tree.says('cat a/h1 a/h2 a/h3; stat -c %h a/h1 a/h2 a/h3')).toBe(
      'one\ntwo\nboth\n1\n1\n1\n',
    );
  });

  it('moves what is below a link to where it leads, and writes through it what is above', async () => {
    expect(await tree.says('readlink lib; cd usr/lib; grep -H "" low up x')).toBe(
      'usr/lib\nlow:low\nup:up\nx:x\n',
    );
  });

  it('deletes in a container only what is of the container', async () => {
    expect(await tree.says('cat common; ls own 2>&1 | wc -l; ls dir')).toBe('stays\n1\nlow\ntop\n');
    expect(existsSync(join(tree.path, 'own'))).toBe(false);
  });

  it('has /image of the last as a whole, and runs nothing of the others', async () => {
    expect(readdirSync(join(tree.path, 'image'))).toEqual(['config.xml']);
    expect(existsSync(join(tree.path, 'ran'))).toBe(false);
    expect(existsSync(project.at('three', 'Top.x86_64-1.0.0.tar.xz'))).toBe(true);
  });

  it('keeps the addresses of machines byte for byte', async () => {
    expect(await tree.text('etc/hosts')).toBe(HOSTS);
    expect(await tree.text('etc/resolv.conf')).toBe(RESOLV);
    const archive = project.at('three', 'Top.x86_64-1.0.0.tar.xz');
    const listed = execFileSync('tar', ['-Ptf', archive], { encoding: 'utf8' });
    expect(listed).toMatch(/etc\/hosts\n/);
    expect(listed).not.toMatch(/image\/config.xml/);
  });

  it('keeps capabilities, access lists, attributes, owners and modes', async () => {
    expect(await tree.says('getcap usr/bin/cap')).toBe('usr/bin/cap cap_net_raw=ep\n');
    expect(
      await tree.says('getfacl -nps opt/acl | grep user:7; getfattr -n user.colour --only-values opt/acl'),
    ).toBe('user:7:rw-\nblue');
    expect(await tree.says('stat -c "%a %u:%g" usr/bin/suid opt/acl')).toBe('4755 0:0\n664 7:8\n');
  });

  it('has one database of packages', async () => {
    const format = '--showformat=${Package} ${Version}\\n';
    expect(await outputAsRoot('dpkg-query', [`--root=${tree.path}`, '--show', format])).toBe(
      'low 1.0\nup 2.0\n',
    );
  });

  it('warns of parts that are of different systems', () => {
    expect(ended.stderr).toMatch(/os-release.*one.*two/);
  });
});

/** What an apt is called with in the tree, by something that takes its place. */
const APT = `
mkdir -p usr/bin var/lib/dpkg
printf '#!/bin/sh\\necho "$*" >> /apt-called\\necho login me:pass-word\\n' > usr/bin/apt-get && chmod 755 usr/bin/apt-get
cp usr/bin/apt-get usr/bin/dpkg
: > var/lib/dpkg/status`;

/** A tree with merged /usr in which another description has been. */
const OLD = `
tar -xf "$BUSYBOX"
${leftBy('old')}
${APT}
mkdir -p usr/lib && ln -s usr/lib lib && echo low > usr/lib/low
printf '${HOSTS.replaceAll('\n', '\\n')}' > etc/hosts
printf '${RESOLV.replaceAll('\n', '\\n')}' > etc/resolv.conf`;

describe.runIf(can && has('skopeo', 'docker-registry'))('a description on a stash', () => {
  let old = '';

  beforeAll(async () => {
    project = workspace.project('own');
    busyboxRoot(workspace.path);
    old = await directory('old', OLD.replace('$BUSYBOX', join(workspace.path, 'busybox.tar')));
    await stashed(old, '--container-name', 'old', '--tag', 'first');
    project.write(
      'new/config.xml',
      description(
        'New',
        `<profiles><profile name="a" description="a"/><profile name="b" description="b"/></profiles>
         <repository type="apt-deb" alias="here" username="me" password="pass-word"><source path="this://packages"/></repository>
         <packages type="bootstrap"><package name="basis"/></packages>
         <packages type="image"><package name="more"/></packages>
         <users><user name="root" password="plain-word" pwdformat="plain"/></users>`,
      ),
    );
    project.write('new/packages/Packages', '');
    project.write('new/root/lib/overlay', 'overlay\n');
    for (const name of ['a', 'b']) project.write(`new/${name}/etc/order`, `${name}\n`);
    project.write(
      'new/config.sh',
      '#!/bin/sh\n. /.profile\necho "$kiwi_profiles" > /profiles\ntest ! -f /fail\n',
      0o755,
    );
  });

  const build = ['--stash', 'old', '--description', 'new'];
  const dry = ['--description', 'new', '--dry-run'];

  it('leaves nothing of a failure, and of the tree below what it had', async () => {
    const fail = project.write('new/root/fail', '');
    const profiles = ['--profile', 'b', '--profile', 'a'];
    const failed = await stackbuild('built', build, profiles);
    expect(failureOf(failed)).toContain('config.sh failed with');
    expect(existsSync(project.at('built'))).toBe(false);
    rmSync(fail);
    const args = [...build, '--report', project.at('report.json')];
    const ended = await succeeded(stackbuild('built', args, profiles));
    const tree = await treeOf('built');
    // Nothing of the description before is left, and nothing of it has run.
    expect(existsSync(join(tree.path, 'ran'))).toBe(false);
    expect(readdirSync(join(tree.path, 'image')).toSorted()).toEqual(['config.sh', 'config.xml']);
    expect(await tree.says('cat .kconfig .profile')).not.toContain('old');
    expect(await tree.says('readlink lib; cat usr/lib/low usr/lib/overlay')).toBe('usr/lib\nlow\noverlay\n');
    expect([await tree.text('etc/hosts'), await tree.text('etc/resolv.conf')]).toEqual([HOSTS, RESOLV]);
    // The order of profiles is theirs who name them.
    expect(await tree.says('cat profiles etc/order')).toBe('b,a\na\n');
    // Packages to bootstrap with are packages like others where there is a system.
    const called = (await tree.text('apt-called')).split('\n');
    const installed = called.filter(line => / install /.test(line) && !line.includes('--print-uris'));
    expect(installed).toEqual([expect.stringMatching(/ basis$/), expect.stringMatching(/ more$/)]);
    expect(ended.stderr).not.toContain('bootstrap');
    // Whatever apt says of it.
    const said = [failed, ended].flatMap(({ stdout, stderr }) => [stdout, stderr]).join('');
    expect(said).toContain('login me:*********');
    const files = ['report.json', 'built/kiwi.result.json'].map(name =>
      readFileSync(project.at(name), 'utf8'),
    );
    const kept = await tree.says('cat image/config.xml etc/shadow');
    expect([said, ...files, kept].join()).not.toMatch(/(pass|plain)-word/);
  });

  it('is on the state that the tag names, whenever it was given', async () => {
    await outputAsRoot('sh', ['-c', 'echo changed > changed'], { cwd: old });
    await stashed(old, '--container-name', 'old', '--tag', '2021-10-08');
    const tags = ['old:first', 'old:2021-10-08', 'old'];
    const shown = await succeeded(
      stackbuild('shown', [...tags.flatMap(tag => ['--stash', tag]), ...dry, '--json']),
    );
    const digests = tags.map(tag => new RegExp(`^${tag} is (\\S+)$`, 'm').exec(shown.stderr)?.[1]);
    const layout = join(project.store, 'stashes/old');
    const [first, second] = ['first', '2021-10-08'].map(tag => readImage(layout, tag).digest);
    expect(first).not.toBe(second);
    expect(digests).toEqual([first, second, second]);
    expect(shown.stdout).toContain('"manager": "apt"');
    expect(`${shown.stdout}${shown.stderr}`).not.toMatch(/(pass|plain)-word/);
  });

  it('is on the image of the registry where one is named, whatever is called so here', async () => {
    await using registry = await startRegistry();
    const reference = await image('other', 'mkdir etc && echo registry > etc/from');
    await output('skopeo', [
      ...['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', '--preserve-digests'],
      ...[reference, `docker://${registry.host}/team/old:first`],
    ]);
    const from = ['--from-registry', `docker://${registry.host}/team`];
    const shown = await succeeded(stackbuild('remote', ['--stash', 'old:first', ...from, ...dry]));
    expect(shown.stderr).toContain(`old:first is ${readImage(project.at('other'), '1').digest}\n`);
    const missing = await stackbuild('missing', ['--stash', 'old', ...from, '--description', 'new']);
    expect(failureOf(missing)).toContain(registry.host);
    expect(existsSync(project.at('missing'))).toBe(false);
  });

  it("is on an archive of KIWI's, whatever its layers are compressed with", async () => {
    const reference = await image(
      'kiwi',
      'echo one > one && echo gone > gone',
      ': > .wh.gone && echo two > two',
    );
    umoci(
      ...['config', '--image', reference.slice('oci:'.length), '--config.entrypoint', '/bin/sh'],
      ...['--config.label', 'io.osinside.kiwi.meta=KIWI - https://github.com/OSInside/kiwi'],
    );
    const archive = `oci-archive:${project.at('kiwi.tar')}`;
    await output('skopeo', ['--insecure-policy', 'copy', '--quiet', reference, `${archive}:kiwi:latest`]);
    project.write('plain/config.xml', description('Plain'));
    const args = ['--stash', `${archive}:kiwi:latest`, '--description', 'plain'];
    await succeeded(stackbuild('archived', args));
    const listed = execFileSync('tar', ['-Ptf', project.at('archived/Plain.x86_64-1.0.0.tar.xz')], {
      encoding: 'utf8',
    });
    expect(listed).toMatch(/one\n/);
    expect(listed).toMatch(/two\n/);
    expect(listed).not.toMatch(/gone/);
  });
});
