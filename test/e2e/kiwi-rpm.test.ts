/** KIWI descriptions for zypper and dnf: built from local repositories of packages made here, and planned without any. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildRpms } from '../stacking/rpms.ts';
import { has } from '../support/tools.ts';
import { busyboxRoot } from './roots.ts';
import { type Ended, output, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();

const description = (manager: string, type: string, more: string) => `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="8.0" name="Rpm">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <preferences><version>1.2.3</version><packagemanager>${manager}</packagemanager>${type}</preferences>
  <repository type="rpm-md" alias="Local" repository_gpgcheck="false" package_gpgcheck="false">
    <source path="dir://${join(workspace.path, 'repository')}"/>
  </repository>
  ${more}
</image>
`;

/** Runs a command of `system`, which must succeed. */
async function system(project: Project, ...words: readonly string[]): Promise<Ended> {
  const ended = await project.ashlar(['system', ...words]);
  if (ended.status !== 0)
    throw new Error(`system ${words.join(' ')} ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  return ended;
}

describe.skipIf(
  !has('rpmbuild', 'createrepo_c', 'rpm', 'zypper', 'dnf', 'busybox', 'mke2fs', 'debugfs', 'e2fsck', 'xz'),
)('a description with packages of rpm', () => {
  const repository = join(workspace.path, 'repository');

  beforeAll(() => {
    mkdirSync(repository);
    const files = buildRpms(join(workspace.path, 'build'), [
      { name: 'system', preamble: ['Provides: /bin/sh'] },
      { name: 'library' },
      // KIWI has the manager in each first system.
      { name: 'dnf' },
      { name: 'program', preamble: ['Requires: library'] },
    ]);
    for (const file of files) copyFileSync(file, join(repository, basename(file)));
    execFileSync('createrepo_c', ['--quiet', repository]);
  });

  const names = (list: string) =>
    readFileSync(list, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split('|').slice(0, 4).join('|'));

  it('is built by zypper on a stash, and again of its own stash when the repository is gone', async () => {
    const project = workspace.project();
    const user = '<user name="root" password="$6$a$b" home="/root" groups="root"/>';
    const packages = `<users>${user}</users>
      <packages type="image"><package name="system"/><package name="program"/></packages>`;
    project.write('new/config.kiwi', description('zypper', '<type image="tbz"/>', packages));
    project.write('new/config.sh', '#!/bin/sh\ncat /usr/share/program/program.txt >/etc/seen\n', 0o755);
    await system(project, 'stash', '--root', busyboxRoot(workspace.path), '--container-name', 'base');
    await system(project, 'stackbuild', '--stash', 'base', '--description', 'new', '--target-dir', 'first');
    const file = (target: string, end: string) => project.at(target, `Rpm.x86_64-1.2.3.${end}`);
    const text = (target: string, path: string) =>
      output('tar', ['-xOf', file(target, 'tar.xz'), '--wildcards', `*${path}`]);
    expect(await text('first', 'etc/seen')).toBe('program 1.0\n');
    expect(await text('first', 'etc/shadow')).toMatch(/^root:\$6\$a\$b:/);
    const installed = ['library', 'program', 'system'].map(name => `${name}|(none)|1.0|1`);
    expect(names(file('first', 'packages'))).toEqual(installed);

    await system(project, 'stash', '--root', 'first/build/image-root', '--container-name', 'rpm');
    for (const path of [project.at('new'), project.at('first')]) rmSync(path, { recursive: true });
    cpSync(repository, `${repository}-away`, { recursive: true });
    rmSync(repository, { recursive: true });
    try {
      await system(project, 'stackbuild', '--stash', 'rpm', '--target-dir', 'second');
    } finally {
      cpSync(`${repository}-away`, repository, { recursive: true });
    }
    expect(await text('second', 'etc/seen')).toBe('program 1.0\n');
    expect(names(file('second', 'packages'))).toEqual(installed);
  });

  it('is built by dnf of nothing, the same file system in two stores', async () => {
    const packages = `<packages type="bootstrap"><package name="system"/></packages>
      <packages type="image"><package name="program"/></packages>`;
    const build = async () => {
      const project = workspace.project('own');
      project.write('new/config.kiwi', description('dnf4', '<type image="ext4"/>', packages));
      project.write('new/root/etc/issue', 'overlay\n');
      await system(project, 'build', '--description', 'new', '--target-dir', 'target');
      return project.at('target/Rpm.x86_64-1.2.3.ext4');
    };
    const image = await build();
    await output('e2fsck', ['-fn', image]);
    const cat = (path: string) => output('debugfs', ['-R', `cat ${path}`, image]);
    expect(await cat('/usr/share/program/program.txt')).toBe('program 1.0\n');
    expect(await cat('/etc/issue')).toBe('overlay\n');
    const again = await build();
    expect(readFileSync(`${again}.sha256`, 'utf8')).toBe(readFileSync(`${image}.sha256`, 'utf8'));
  });
});

describe('the description of the manual', () => {
  it('is shown in full where nothing of it can be fetched', async () => {
    const project = workspace.project();
    const file = fileURLToPath(new URL('../recipes/kiwi/descriptions/leap-vm.kiwi', import.meta.url));
    // Where nobody listens.
    const port = await freePort();
    const text = readFileSync(file, 'utf8').replace('{repository_of_leap}', `http://127.0.0.1:${port}/leap`);
    project.write('container_to_VM_layer/config.kiwi', text);
    const words = ['--stash', 'leap:15.3', '--from-registry', `127.0.0.1:${port}/opensuse`];
    const { stdout } = await system(
      project,
      ...['stackbuild', ...words, '--description', 'container_to_VM_layer'],
      ...['--target-dir', 'myLeap', '--dry-run'],
    );
    for (const line of [
      /^ +packages zypper install grub2 grub2-i386-pc grub2-x86_64-efi kernel-default shim$/m,
      /^ +setup +users root/m,
      /^ +output +Leap-VM\.x86_64-1\.99\.1\.raw/m,
      /^cannot be fetched: leap:15\.3: cannot reach /m,
      /^cannot be fetched: repository Leap: /m,
    ])
      expect(stdout).toMatch(line);
  });
});

/** A port on which nothing is. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
