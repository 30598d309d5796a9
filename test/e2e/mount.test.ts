/** Images mounted in the host's own tree: what is seen there, what stays while it is seen, and what is undone. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { rewriteManifest } from './images.ts';
import { until } from './processes.ts';
import { packTar } from './roots.ts';
import { ashlarProgram, failureOf, output, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();

/** In it the images are built, and stay as they are. */
let project: Project;
beforeAll(async () => {
  project = workspace.project();
  project.write('lower/kept', 'kept\n');
  project.write('lower/replaced', 'old\n');
  project.write('upper', 'new\n', 0o4755);
  await project.build({
    lower: { from: { type: 'scratch' }, imports: [{ path: 'lower', dest: '/opt' }] },
    upper: { from: { type: 'built', tag: 'lower' }, imports: [{ path: 'upper', dest: '/opt/replaced' }] },
  });
});

function directory(name: string): string {
  mkdirSync(project.at(name));
  return project.at(name);
}

async function succeed(...args: readonly string[]): Promise<void> {
  const { status, stderr } = await project.ashlar(args);
  expect(status, stderr).toBe(0);
}

function mountsAt(path: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(line => line.split(' ')[4]?.startsWith(path));
}

describe.skipIf(isRoot)('mount as a plain user', () => {
  it('says that only root can do it, and what a plain user can do', async () => {
    const failure = failureOf(await project.ashlar(['mount', 'upper', directory('plain')]));
    expect(failure).toContain('error: only root can mount an image where others see it\n');
    expect(failure).toContain('hint: ashlar chroot upper gives a shell in its tree');
  });
});

describe.runIf(isRoot)('mount', () => {
  // What a failed test leaves mounted would keep the workspace from being removed.
  afterAll(async () => {
    for (const line of mountsAt(workspace.path)) await output('umount', ['-l', line.split(' ')[4] ?? '']);
  });

  it('shows the tree of an image read-only and without powers, until umount', async () => {
    const target = directory('read-only');
    await succeed('mount', 'upper', target);
    expect(readdirSync(join(target, 'opt')).sort()).toEqual(['kept', 'replaced']);
    expect(readFileSync(join(target, 'opt/replaced'), 'utf8')).toBe('new\n');
    expect(() => writeFileSync(join(target, 'opt/kept'), '')).toThrow('EROFS');
    expect(mountsAt(target)).toEqual([expect.stringMatching(/ rw,nosuid,nodev,.* - overlay overlay ro,/)]);
    await succeed('umount', target);
    expect(mountsAt(target)).toEqual([]);
    expect(readdirSync(target)).toEqual([]);
    expect(readdirSync(join(project.store, 'mounts'))).toEqual(['.lock']);
  });

  it('keeps changes where they are wanted, for the next time', async () => {
    const [target, changes] = [directory('writable'), directory('changes')];
    await succeed('mount', '--writable', changes, 'upper', target);
    writeFileSync(join(target, 'new'), 'written\n');
    rmSync(join(target, 'opt/kept'));
    await succeed('umount', target);
    expect(readdirSync(changes)).toEqual(['upper']);
    await succeed('mount', '--writable', changes, 'upper', target);
    expect(readFileSync(join(target, 'new'), 'utf8')).toBe('written\n');
    expect(readdirSync(join(target, 'opt'))).toEqual(['replaced']);
    const second = await project.ashlar(['mount', '--writable', changes, 'lower', directory('second')]);
    expect(failureOf(second)).toContain(
      `error: upper is mounted at ${target}, with its changes in the same directory\n`,
    );
    writeFileSync(join(target, 'newer'), '');
    await succeed('umount', target);
  });

  it('mounts one image at two places, and each stays when the other goes', async () => {
    const [one, other] = [directory('one'), directory('other')];
    await Promise.all([succeed('mount', 'upper', one), succeed('mount', 'oci:oci:upper', other)]);
    await succeed('umount', one);
    expect(readFileSync(join(other, 'opt/kept'), 'utf8')).toBe('kept\n');
    await succeed('umount', other);
  });

  it('refuses a place where an image is mounted, and one that is no directory', async () => {
    const target = directory('taken');
    await succeed('mount', 'lower', target);
    expect(failureOf(await project.ashlar(['mount', 'upper', target]))).toContain(
      `error: lower is mounted at ${target} already\n`,
    );
    await succeed('umount', target);
    expect(failureOf(await project.ashlar(['umount', target]))).toContain(
      `error: no image is mounted at ${target}\n`,
    );
    expect(failureOf(await project.ashlar(['mount', 'upper', 'missing']))).toContain(
      'error: missing is not a directory\n',
    );
    expect(failureOf(await project.ashlar(['mount', 'missing', target]))).toContain(
      'error: tag missing is not in the OCI layout',
    );
  });

  it('unmounts nothing that somebody uses', async () => {
    const target = directory('busy');
    await succeed('mount', 'upper', target);
    const user = spawn('sleep', ['1000'], { cwd: target });
    await until(() => user.pid !== undefined && existsSync(`/proc/${user.pid}/cwd`));
    expect(failureOf(await project.ashlar(['umount', target]))).toContain(`error: ${target} is in use\n`);
    expect(existsSync(join(target, 'opt/kept'))).toBe(true);
    user.kill();
    await new Promise(resolve => user.on('close', resolve));
    await succeed('umount', target);
  });

  it('keeps the layers of a mounted image from gc, and clears up after what others have unmounted', async () => {
    const own = workspace.project('own');
    own.write('file', 'content\n');
    await own.build({ image: { from: { type: 'scratch' }, imports: [{ path: 'file', dest: '/file' }] } });
    mkdirSync(own.at('m'));
    const snapshots = () => readdirSync(join(own.store, 'snapshots'));
    expect((await own.ashlar(['mount', 'image', 'm'])).status).toBe(0);
    expect((await own.ashlar(['gc', '--all'])).stdout).toContain('0 unpacked layers');
    expect(readFileSync(own.at('m/file'), 'utf8')).toBe('content\n');
    await output('umount', [own.at('m')]);
    expect(snapshots()).toHaveLength(1);
    expect((await own.ashlar(['gc', '--all'])).stdout).toContain('1 unpacked layers');
    expect(snapshots()).toEqual([]);
    expect(readdirSync(join(own.store, 'mounts'))).toEqual(['.lock']);
  });

  it('begins anew where one who mounted was killed before the tree was there', async () => {
    const target = directory('killed');
    await succeed('mount', 'upper', target);
    // All that is left of a mount that got this far: what it had written down first.
    await output('umount', [target]);
    await output('mount', ['-t', 'tmpfs', 'tmpfs', target]);
    await succeed('umount', target);
    expect(mountsAt(target), 'what others have mounted there stays').toHaveLength(1);
    await succeed('mount', 'upper', target);
    await output('umount', [target]);
    await succeed('mount', 'upper', target);
    expect(readFileSync(join(target, 'opt/kept'), 'utf8')).toBe('kept\n');
    await succeed('umount', target);
    await output('umount', [target]);
    expect(failureOf(await project.ashlar(['umount', target]))).toContain('error: no image is mounted at ');
  });

  it('is internal-go atomfs for the scripts of stacker', async () => {
    const target = directory('atomfs');
    await succeed('internal-go', 'atomfs', 'mount', 'upper', target);
    expect(readFileSync(join(target, 'opt/replaced'), 'utf8')).toBe('new\n');
    await succeed('internal-go', 'atomfs', 'umount', target);
    expect(mountsAt(target)).toEqual([]);
    for (const words of [['mount', 'upper'], ['umount'], ['umount', 'a', 'b']]) {
      expect(failureOf(await project.ashlar(['internal-go', 'atomfs', ...words]))).toContain(
        'error: wrong number of args\n',
      );
    }
  });
});

describe.runIf(isRoot && has('mksquashfs', 'mkfs.erofs'))('mount of file systems', () => {
  const kinds = ['squashfs', 'erofs'] as const;
  let project: Project;
  beforeAll(async () => {
    project = workspace.project('own');
    project.write('lower/opt/kept', 'kept\n');
    project.write('lower/opt/removed', 'removed\n');
    project.write('lower/opaque/hidden', 'hidden\n');
    project.write('upper/opt/.wh.removed', '');
    project.write('upper/opaque/.wh..wh..opq', '');
    project.write('upper/opaque/new', 'new\n');
    for (const name of ['lower', 'upper']) packTar(project.at(name), project.at(`${name}.tar`));
    const layers = {
      lower: { from: { type: 'tar', url: 'lower.tar' }, build_only: true },
      image: {
        from: [
          { type: 'built', tag: 'lower' },
          { type: 'tar', url: 'upper.tar' },
        ],
      },
    };
    const types = kinds.flatMap(kind => ['--layer-type', kind]);
    await project.build(layers, types);
    await project.build({ ...layers, plain: layers.image }, [...types, '--no-verity', '--target', 'plain']);
    mkdirSync(project.at('m'));
  });

  /** What is mounted for single layers. */
  function layerMounts(): readonly string[] {
    return mountsAt(join(project.store, 'mounts')).map(line => line.split(' - ')[1]?.split(' ')[0] ?? '');
  }

  it.each(kinds)('shows verified %s layers, removals and all', async kind => {
    await output(ashlarProgram, project.arguments(['mount', `image-${kind}`, 'm']), { cwd: project.path });
    expect(readdirSync(project.at('m/opt'))).toEqual(['kept']);
    expect(readdirSync(project.at('m/opaque'))).toEqual(['new']);
    expect(readFileSync(project.at('m/opt/kept'), 'utf8')).toBe('kept\n');
    expect((await project.ashlar(['gc', '--all'])).stdout).toContain('are left');
    expect(readFileSync(project.at('m/opaque/new'), 'utf8')).toBe('new\n');
    expect((await project.ashlar(['umount', 'm'])).status).toBe(0);
    expect(layerMounts()).toEqual([]);
  });

  it.each(kinds)('lets the kernel read no %s layer that no root hash vouches for', async kind => {
    await output(ashlarProgram, project.arguments(['mount', `plain-${kind}`, 'm']), { cwd: project.path });
    expect(readdirSync(project.at('m/opt'))).toEqual(['kept']);
    expect(readdirSync(project.at('m/opaque'))).toEqual(['new']);
    // By a program, or unpacked.
    expect(layerMounts()).not.toContain(kind);
    expect((await project.ashlar(['umount', 'm'])).status).toBe(0);
    expect(layerMounts()).toEqual([]);
  });

  it('refuses a layer that is not what its root hash says', async () => {
    const name = 'io.stackeroci.stacker.atomfs_verity_root_hash';
    rewriteManifest(project.oci, 'image-squashfs', manifest => ({
      ...manifest,
      layers: manifest.layers.map(layer => ({ ...layer, annotations: { [name]: '0'.repeat(64) } })),
    }));
    const ended = await project.ashlar(['internal-go', 'atomfs', 'mount', 'image-squashfs', 'm']);
    expect(failureOf(ended)).toContain('invalid root hash');
    expect(mountsAt(project.at('m'))).toEqual([]);
    expect(readdirSync(join(project.store, 'mounts'))).toEqual(['.lock']);
  });
});
