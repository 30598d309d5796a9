import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/disk/boot/elf.ts';
import { APPLETS, INIT } from '../../../src/disk/boot/init.ts';
import { chooseInitrd } from '../../../src/disk/boot/initrd.ts';
import { requireKernel } from '../../../src/disk/boot/kernel.ts';
import { makeInitrd } from '../../../src/disk/boot/own-initrd.ts';
import { programWithLibraries } from '../../../src/disk/boot/programs.ts';
import type { InitrdSpec } from '../../../src/disk/types.ts';
import { findProgram } from '../../../src/support/process.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';
import { diskSpec } from '../specs.ts';
import { bootRequest, bytesOf, kernelFiles, makeTree } from './trees.ts';

const VERSION = '6.1.0-9-amd64';

const system = {
  ...kernelFiles(VERSION),
  [`usr/lib/modules/${VERSION}/modules.dep`]: 'kernel/ext4.ko: kernel/jbd2.ko\nkernel/jbd2.ko:\n',
  [`usr/lib/modules/${VERSION}/kernel/ext4.ko`]: 'the module ext4',
  [`usr/lib/modules/${VERSION}/kernel/jbd2.ko`]: 'the module jbd2',
  'etc/debian_version': '12.0\n',
};

const hasBusybox = has('busybox', 'cpio');

describe.skipIf(!hasBusybox)('an initrd of ours', () => {
  it('has busybox, the modules in their order, and the script', async () => {
    const tree = makeTree(system);
    const { bytes, missing } = await makeInitrd(tree, requireKernel(tree), {
      architecture: 'x86_64',
      modules: ['ext4', 'overlay'],
      programs: [{ path: '/usr/sbin/tool', bytes: Buffer.from('tool') }],
    });
    expect(missing).toEqual(['overlay']);
    const directory = scratch();
    // Nobody but root makes devices.
    execFileSync('cpio', ['-i', '--quiet', '--nonmatching', 'dev/console'], { cwd: directory, input: bytes });
    const read = (path: string) => readFileSync(join(directory, path), 'utf8');
    expect(read('mod/order')).toBe('jbd2\next4 jbd2\n');
    expect([read('mod/ext4.ko'), read('usr/sbin/tool'), read('init')]).toEqual([
      'the module ext4',
      'tool',
      INIT,
    ]);
    const applets = spawnSync(join(directory, 'bin/busybox'), ['--list'], { encoding: 'utf8' }).stdout.split(
      '\n',
    );
    expect(APPLETS.filter(name => !applets.includes(name))).toEqual([]);
    const listed = execFileSync('cpio', ['-tv', '--quiet'], { input: bytes, encoding: 'utf8' });
    expect(listed).toMatch(/^crw------- .* 5, +1 .* dev\/console$/m);
  });

  it('is the same twice', async () => {
    const made = async () => {
      const tree = makeTree(system);
      const content = { architecture: 'x86_64', modules: ['ext4'], programs: [] };
      return (await makeInitrd(tree, requireKernel(tree), content)).bytes;
    };
    expect(Buffer.from(await made()).equals(await made())).toBe(true);
  });

  it('begins with a script that busybox understands', () => {
    const script = join(scratch(), 'init');
    writeFileSync(script, INIT);
    expect(spawnSync('busybox', ['sh', '-n', script], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it.each([
    ['i686', 3],
    ['armv7l', 40],
  ] as const)('takes a busybox of %s, if that is static', async (architecture, number) => {
    const content = { architecture, modules: [], programs: [] };
    const made = (busybox: Uint8Array) => {
      const tree = makeTree({ ...system, 'bin/busybox': busybox });
      return makeInitrd(tree, requireKernel(tree), content);
    };
    const { bytes } = await made(smallProgram(number));
    expect(Buffer.from(bytes).includes(smallProgram(number))).toBe(true);
    await expect(made(smallProgram(number, '/lib/ld.so', 'libc.so'))).rejects.toThrow(
      `cannot find a static busybox for ${architecture}, in the image or here`,
    );
  });

  it('names the package where there is no static busybox for the machine', async () => {
    const tree = makeTree({ ...system, 'bin/busybox': '#!/bin/sh\n' });
    const content = { architecture: 'aarch64', modules: [], programs: [] };
    await expect(makeInitrd(tree, requireKernel(tree), content)).rejects.toThrow(
      'cannot find a static busybox for aarch64, in the image or here',
    );
  });
});

/** A program of 32 bits, static where it names no interpreter. */
function smallProgram(machine: number, interpreter?: string, library = ''): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(52, 28);
  bytes.writeUInt16LE(32, 42);
  const segments = [{ type: 1, offset: 0, address: 0x8000, size: 512 }];
  if (interpreter !== undefined) {
    bytes.write(`${interpreter}\0`, 256, 'latin1');
    bytes.write(`\0${library}\0`, 320, 'latin1');
    segments.push({ type: 3, offset: 256, address: 0x8100, size: interpreter.length + 1 });
    segments.push({ type: 2, offset: 384, address: 0x8180, size: 24 });
    for (const [i, word] of [1, 1, 5, 0x8000 + 320].entries()) bytes.writeUInt32LE(word, 384 + i * 4);
  }
  bytes.writeUInt16LE(segments.length, 44);
  for (const [i, { type, offset, address, size }] of segments.entries())
    for (const [j, word] of [type, offset, address, address, size].entries())
      bytes.writeUInt32LE(word, 52 + i * 32 + j * 4);
  return bytes;
}

/** The functions of the script, tried with a disk that is a file. */
describe.skipIf(!hasBusybox || !has('sfdisk'))('the script of an initrd of ours', () => {
  const identity = (table: string, number: number) => {
    const disk = join(scratch(), 'disk');
    execFileSync('truncate', ['--size=16M', disk]);
    execFileSync('sfdisk', ['--quiet', disk], { input: table });
    const functions = INIT.slice(INIT.indexOf('# Hexadecimal'), INIT.indexOf('partition() {'));
    const here = join(scratch(), 'sys');
    mkdirSync(join(here, 'disk/queue'), { recursive: true });
    writeFileSync(join(here, 'disk/queue/logical_block_size'), '512\n');
    const script = `${functions.replace('/sys/class/block', here)}\nidentity ${disk} ${number}`;
    return execFileSync('busybox', ['sh', '-c', script], { encoding: 'utf8' }).trim();
  };

  it('reads what PARTUUID= says from a GPT', () => {
    const ids = ['0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0', '12345678-9ABC-4DEF-8123-456789ABCDEF'];
    const table = `label: gpt\nsize=2M, uuid=${ids[0]}\nsize=2M, uuid=${ids[1]}\n`;
    expect([1, 2].map(number => identity(table, number).toUpperCase())).toEqual(ids);
  });

  it('reads it from an msdos table', () => {
    expect(identity('label: dos\nlabel-id: 0x0badf00d\nsize=2M\nsize=2M\n', 2)).toBe('0badf00d-02');
  });
});

describe('the choice of an initrd', () => {
  const choose = async (kind: InitrdSpec['kind'], files: Record<string, string>, options: string[] = []) => {
    const tree = makeTree({ ...system, ...files });
    const told = bootRequest(tree, {
      spec: diskSpec({ initrd: { kind, options } }),
      run: async args => {
        told.ran.push(args);
        writeFileSync(join(tree, `boot/initrd.img-${VERSION}`), 'made by the image');
        return { status: 0, output: '' };
      },
    });
    return { initrd: await chooseInitrd(told.request, requireKernel(tree)), ...told };
  };

  it('takes the one that the image has, and says so', async () => {
    const { initrd, said } = await choose('found', { [`boot/initrd.img-${VERSION}`]: 'found' });
    expect([initrd.kind, initrd.path, bytesOf(initrd.content).toString()]).toEqual([
      'found',
      `/boot/initrd.img-${VERSION}`,
      'found',
    ]);
    expect(said).toEqual([`the initrd is /boot/initrd.img-${VERSION} of the image`]);
  });

  it.skipIf(!hasBusybox)(
    'falls back to ours where the image has none for that kernel, and says so',
    async () => {
      const { initrd, said } = await choose('found', { 'boot/initrd.img-5.10.0': 'of another kernel' });
      expect([initrd.kind, initrd.path]).toEqual(['own', `/boot/initrd.img-${VERSION}`]);
      expect(said).toEqual([`the image has no initrd for ${VERSION}: it gets a small one of ours`]);
    },
  );

  it.skipIf(!hasBusybox)('takes none that does not know root=overlay:', async () => {
    const tree = makeTree({ ...system, [`boot/initrd.img-${VERSION}`]: 'found' });
    const initrd = { kind: 'found', options: [] } as const;
    const spec = diskSpec({ initrd, root: { ...diskSpec().root, overlay: true } });
    const { request, said } = bootRequest(tree, { spec });
    expect((await chooseInitrd(request, requireKernel(tree))).kind).toBe('own');
    expect(said).toEqual(['the initrd is ours: it keeps changes of the root in memory']);
    const keeper = { ...spec, root: { ...spec.root, changesIn: 'changes' } };
    const other = bootRequest(tree, { spec: keeper });
    expect((await chooseInitrd(other.request, requireKernel(tree))).kind).toBe('own');
    expect(other.said).toEqual(['the initrd is ours: it keeps changes of the root on a partition']);
  });

  it('lets dracut of the image make one as KIWI does', async () => {
    const { initrd, ran } = await choose('tree', { 'usr/bin/dracut': '#!', '.profile': '' }, [
      '--add',
      'kiwi-repart',
    ]);
    expect(ran).toEqual([
      [
        ...[
          'dracut',
          '--force',
          '--reproducible',
          '--no-hostonly',
          '--no-hostonly-cmdline',
          '--install',
          '/.profile',
        ],
        ...['--omit', 'multipath', '--add', 'kiwi-repart', `/boot/initrd.img-${VERSION}`, VERSION],
      ],
    ]);
    expect(bytesOf(initrd.content).toString()).toBe('made by the image');
  });

  it('lets mkinitramfs of the image make one', async () => {
    const { ran } = await choose('tree', { 'usr/sbin/mkinitramfs': '#!' });
    expect(ran).toEqual([['mkinitramfs', '-o', `/boot/initrd.img-${VERSION}`, VERSION]]);
  });

  it('fails with the last words of that program, and where there is none', async () => {
    const tree = makeTree({ ...system, 'usr/bin/dracut': '#!' });
    const spec = diskSpec({ initrd: { kind: 'tree', options: [] } });
    const run = async () => ({ status: 1, output: 'dracut: no module x' });
    const failure = chooseInitrd(bootRequest(tree, { spec, run }).request, requireKernel(tree));
    await expect(failure).rejects.toMatchObject({
      message: 'dracut of the image makes no initrd: it ended with 1',
      cause: { message: 'dracut: no module x' },
    });
    await expect(choose('tree', {})).rejects.toThrow('the image has no program that makes an initrd');
  });

  it('refuses dm-verity where nothing sets it up', async () => {
    const tree = makeTree(system);
    const spec = diskSpec({ root: { ...diskSpec().root, verity: true } });
    await expect(chooseInitrd(bootRequest(tree, { spec }).request, requireKernel(tree))).rejects.toThrow(
      'the root cannot be checked by dm-verity: nothing in the image sets that up',
    );
  });

  it.skipIf(!hasBusybox)('leaves dm-verity to a kernel that can do it', async () => {
    const tree = makeTree({ ...system, [`boot/config-${VERSION}`]: 'CONFIG_DM=y\nCONFIG_DM_INIT=y\n' });
    const spec = diskSpec({ root: { ...diskSpec().root, verity: true } });
    const { request, said, warned } = bootRequest(tree, { spec });
    expect((await chooseInitrd(request, requireKernel(tree))).kind).toBe('own');
    expect(said).toEqual(['the initrd is ours: it sets up dm-verity']);
    expect(warned).toEqual([
      `the kernel ${VERSION} has no module dm_mod, which the root file system needs`,
      `the kernel ${VERSION} has no module dm_verity, which the root file system needs`,
    ]);
  });
});

describe('programs', () => {
  it.skipIf(!has('ldd'))('come with all libraries that they need', () => {
    const program = findProgram('ls') ?? '';
    const files = programWithLibraries('/', [program]) ?? [];
    const names = (paths: readonly string[]) => paths.map(path => path.split('/').at(-1)).sort();
    const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
    const wanted = [...listed.matchAll(/^\s+(?:\S+ => )?(\/\S+)/gm)].map(match => match[1] ?? '');
    expect(names(files.slice(1).map(({ path }) => path))).toEqual(names(wanted));
  });

  it('are not copied where a library is missing, or they are no programs', () => {
    const program = readFileSync(findProgram('ls') ?? '');
    expect(programWithLibraries(makeTree({ 'bin/ls': program }), ['/bin/ls'])).toBeUndefined();
    expect(programWithLibraries(makeTree({ 'bin/ls': '#!/bin/sh' }), ['/bin/ls'])).toBeUndefined();
  });

  it('are static or not, for a machine, and whole or not', () => {
    const busybox = findProgram('busybox');
    const bytes = readFileSync(findProgram('ls') ?? '');
    expect(readElf(bytes)?.interpreter).toMatch(/ld-linux/);
    if (busybox !== undefined && existsSync(busybox))
      expect(readElf(readFileSync(busybox))?.interpreter).toBeUndefined();
    for (const [number, machine] of [
      [3, 'ix86'],
      [40, 'arm'],
    ] as const)
      expect(readElf(smallProgram(number, '/lib/ld-linux.so.2', 'libm.so'))).toEqual({
        machine,
        interpreter: '/lib/ld-linux.so.2',
        libraries: ['libm.so'],
      });
    for (const length of [0, 3, 20, 63, 70, 600]) expect(readElf(bytes.subarray(0, length))).toBeUndefined();
  });
});
