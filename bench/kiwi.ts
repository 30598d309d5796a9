/**
 * Trees of systems: stashed, rebuilt, and made into disks. The peer is KIWI itself, with its stackbuild plugin, on the
 * same trees and descriptions.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../src/support/process.ts';
import type { Fixtures } from './fixtures.ts';
import { once, type Stage } from './stage.ts';
import type { Command, Contender, Race, Target, Workload } from './workload.ts';

/** Bytes. */
const MEMORY = 300e6;

/** What KIWI calls for such stashes and disks besides what Debian always has. */
const TOOLS = [
  ...['kiwi-ng', 'unshare', 'rsync', 'sgdisk', 'qemu-img', 'mkfs.ext4', 'mkdosfs', 'kpartx'],
  ...['podman', 'umoci', 'skopeo'],
];

export function kiwi(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  const small = once(async () => described((await fixtures.machineTree()).directory));
  const large = once(async () => described((await fixtures.largeTree()).directory));
  return [
    {
      name: 'tree-disk',
      title: 'tree to disk, 330 MB',
      needs: ['mke2fs'],
      prepare: async () =>
        race(
          [await ashlarCreate(stage, await small()), ...(await kiwiCreate(stage, await small()))],
          [
            { kind: 'seconds', atMost: 3 },
            { kind: 'ratio', to: 'kiwi', atMost: 0.1 },
          ],
        ),
    },
    {
      name: 'stackbuild',
      title: 'stackbuild rebuild, 330 MB, cold',
      needs: ['mke2fs'],
      prepare: async () =>
        race(
          [
            await ashlarStackbuild(stage, 'stackbuild', await small(), 'cold'),
            ...(await kiwiStackbuild(stage, await small())),
          ],
          [
            { kind: 'seconds', atMost: 9 },
            { kind: 'ratio', to: 'kiwi', atMost: 0.25 },
          ],
        ),
    },
    {
      name: 'stackbuild-unchanged',
      title: 'stackbuild rebuild, 330 MB, unchanged',
      needs: ['mke2fs'],
      prepare: async () =>
        race(
          [await ashlarStackbuild(stage, 'stackbuild-unchanged', await small(), 'warm')],
          [{ kind: 'seconds', atMost: 2 }],
        ),
    },
    {
      name: 'stash',
      title: 'stash of a tree, 545 MB',
      prepare: async () =>
        race(
          [ashlarStash(stage, await large()), ...(await kiwiStash(stage, await large()))],
          [{ kind: 'ratio', to: 'kiwi', atMost: 0.25 }],
        ),
    },
    {
      name: 're-stash',
      title: 're-stash after two changed files, 545 MB',
      prepare: async () =>
        race([await ashlarStashAgain(stage, await large())], [{ kind: 'seconds', atMost: 2 }]),
    },
  ];
}

function race(contenders: Race['contenders'], targets: readonly Target[]): Race {
  return { contenders, targets, memory: MEMORY };
}

/** A disk that starts with both firmwares; the same description for both programs. */
const DESCRIPTION = `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="7.5" name="machine">
  <description type="system">
    <author>A</author><contact>a@b.example</contact><specification>a machine</specification>
  </description>
  <preferences>
    <version>1.0.0</version>
    <packagemanager>apt</packagemanager>
    <type image="oem" filesystem="ext4" firmware="efi" kernelcmdline="console=ttyS0,115200 quiet">
      <bootloader name="grub2" timeout="0"/>
      <oemconfig><oem-resize>false</oem-resize></oemconfig>
    </type>
  </preferences>
  <repository type="apt-deb"><source path="https://mirror.example.org/debian"/></repository>
  <packages type="image"/>
  <packages type="bootstrap"/>
</image>
`;

/** The tree, with the description that it was built from in it. */
function described(tree: string): string {
  mkdirSync(join(tree, 'image'), { recursive: true });
  writeFileSync(join(tree, 'image/config.xml'), DESCRIPTION);
  return tree;
}

function system(stage: Stage, project: string, ...words: readonly string[]): Command {
  return stage.ashlar(project, '--store', 'store', 'system', ...words);
}

async function runNow(stage: Stage, { program, args, cwd }: Command): Promise<string> {
  return stage.run('env', '-C', cwd ?? stage.directory, program, ...args);
}

/** A project whose store holds the tree as a stash. */
async function stashed(stage: Stage, name: string, tree: string): Promise<string> {
  const project = stage.made(name);
  await runNow(stage, system(stage, project, 'stash', '--root', tree, '--container-name', 'machine'));
  return project;
}

function rebuild(stage: Stage, project: string): Command {
  return system(stage, project, 'stackbuild', '--stash', 'machine', '--target-dir', 'target');
}

/** The tree is there, as a build leaves it; nothing that was made of it is. */
async function ashlarCreate(stage: Stage, tree: string): Promise<Contender> {
  const project = await stashed(stage, 'create-ashlar', tree);
  await runNow(stage, rebuild(stage, project));
  const root = join(project, 'target/build/image-root');
  return {
    name: 'ashlar',
    async prepare() {
      stage.cleared('create-ashlar', 'store/outputs');
      stage.made('create-ashlar', 'results');
      await warm(stage, join(project, 'store/snapshots'));
    },
    command: system(stage, project, 'create', '--root', root, '--target-dir', 'results'),
  };
}

/** Reads a tree: while the other program ran, for most of a minute, the machine may have given its pages away. */
async function warm(stage: Stage, tree: string): Promise<void> {
  await stage.run('sh', '-c', 'find "$1" -type f -exec cat {} + >/dev/null', 'sh', tree);
}

/** `cold`: the store is as `stash` leaves it. */
async function ashlarStackbuild(
  stage: Stage,
  name: string,
  tree: string,
  store: 'cold' | 'warm',
): Promise<Contender> {
  const project = await stashed(stage, `${name}-ashlar`, tree);
  const pristine = stage.path(`${name}-stash`);
  await stage.run('cp', '-a', join(project, 'store'), pristine);
  return {
    name: 'ashlar',
    async prepare(run) {
      stage.cleared(`${name}-ashlar`, 'target');
      if (run > 0 && store === 'warm') return;
      await stage.run('cp', '-a', pristine, stage.cleared(`${name}-ashlar`, 'store'));
    },
    command: rebuild(stage, project),
  };
}

function stashCommand(stage: Stage, project: string, tree: string): Command {
  return system(stage, project, 'stash', '--root', tree, '--container-name', 'large');
}

function ashlarStash(stage: Stage, tree: string): Contender {
  const project = stage.path('stash-ashlar');
  return {
    name: 'ashlar',
    prepare: () => void stage.made('stash-ashlar'),
    command: stashCommand(stage, project, tree),
  };
}

const CHANGED = ['etc/issue', 'usr/share/common-licenses/BSD'];

/** Throws before a run when the layer of the one before holds other files than those that were changed. */
async function ashlarStashAgain(stage: Stage, tree: string): Promise<Contender> {
  const project = stage.made('re-stash-ashlar');
  const command = stashCommand(stage, project, tree);
  await runNow(stage, command);
  const layout = join(project, 'store/stashes/large');
  return {
    name: 'ashlar',
    async prepare(run) {
      if (run > 0) await checkNewest(stage, layout);
      for (const path of CHANGED) appendFileSync(join(tree, path), `${run}\n`);
    },
    command,
  };
}

async function checkNewest(stage: Stage, layout: string): Promise<void> {
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'));
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const { layers } = read(blob(read(join(layout, 'index.json')).manifests[0].digest));
  const listed = await stage.run('tar', '-tzf', blob(layers.at(-1).digest));
  const files = listed.split('\n').filter(name => name !== '' && !name.endsWith('/'));
  const names = files.sort().join(' ');
  if (names !== CHANGED.join(' ')) throw new Error(`the layer of two changed files holds ${names}`);
}

/**
 * Runs KIWI where its storage of containers and its stashes are directories of the stage. Where the kernel knows no vfat,
 * a plain directory takes the place of the file system of the ESP: what is to be put there is then not in the disk.
 */
function kiwiCommand(stage: Stage, home: string, ...words: readonly string[]): Command {
  const vfat = `printf '#!/bin/sh\\nexec mount --bind "%s" "$2"\\n' "$0/esp" >"$0/helpers/mount.vfat"
chmod 755 "$0/helpers/mount.vfat"
mount -t overlay overlay -o "lowerdir=$0/helpers:/usr/sbin" /usr/sbin`;
  // What runs in the tree has no such directory.
  const script = `unset TMPDIR
mount --make-rprivate /
mkdir -p "$0/var-tmp" "$0/containers" "$0/helpers" "$0/esp" /var/lib/containers
mount --bind "$0/var-tmp" /var/tmp
mount --bind "$0/containers" /var/lib/containers
${hasVfat() ? '' : vfat}
exec kiwi-ng "$@"`;
  return { program: 'unshare', args: ['--mount', 'sh', '-ec', script, home, ...words], cwd: stage.directory };
}

function hasVfat(): boolean {
  return /\bvfat$/m.test(readFileSync('/proc/filesystems', 'utf8')) || existsSync('/sys/module/vfat');
}

/** KIWI changes the tree that it makes a disk of: it has a copy. */
async function kiwiCreate(stage: Stage, tree: string): Promise<readonly Contender[]> {
  if (!hasKiwi()) return [];
  const home = stage.made('create-kiwi');
  const root = join(home, 'image-root');
  await stage.run('cp', '-a', '--reflink=auto', tree, root);
  const target = join(home, 'results');
  return [
    {
      name: 'kiwi',
      async prepare() {
        stage.made('create-kiwi', 'results');
        await warm(stage, root);
      },
      command: kiwiCommand(stage, home, 'system', 'create', '--root', root, '--target-dir', target),
    },
  ];
}

async function kiwiStackbuild(stage: Stage, tree: string): Promise<readonly Contender[]> {
  if (!hasKiwi()) return [];
  const home = stage.made('stackbuild-kiwi');
  await runNow(
    stage,
    kiwiCommand(stage, home, 'system', 'stash', '--root', tree, '--container-name', 'machine'),
  );
  const words = ['system', 'stackbuild', '--stash', 'machine', '--target-dir', join(home, 'target')];
  return [
    {
      name: 'kiwi',
      prepare: () => void stage.made('stackbuild-kiwi', 'target'),
      command: kiwiCommand(stage, home, ...words),
    },
  ];
}

async function kiwiStash(stage: Stage, tree: string): Promise<readonly Contender[]> {
  if (!hasKiwi()) return [];
  const home = stage.path('stash-kiwi');
  return [
    {
      name: 'kiwi',
      prepare: () => void stage.made('stash-kiwi'),
      command: kiwiCommand(stage, home, 'system', 'stash', '--root', tree, '--container-name', 'large'),
    },
  ];
}

/** Not everybody who has KIWI has its plugin, and Debian's KIWI is too old for it. */
function hasKiwi(): boolean {
  const missing = TOOLS.filter(name => !findProgram(name));
  if (missing.length > 0) {
    console.error(`kiwi: left out, ${missing.join(', ')} not installed`);
    return false;
  }
  try {
    execFileSync('kiwi-ng', ['system', 'stackbuild', '--help'], { stdio: 'pipe' });
    return true;
  } catch {
    console.error('kiwi: left out, this kiwi-ng has no stackbuild plugin');
    return false;
  }
}
