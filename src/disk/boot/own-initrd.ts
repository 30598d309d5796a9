/** A small initrd of ours: busybox, the modules that the root needs, and a script. Nothing has to run to make it. */
import { AshlarError } from '../../support/errors.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { APPLETS, INIT } from './init.ts';
import { neededModules, readModule, readModuleIndex } from './modules.ts';
import { type ProgramFile, programWithLibraries, staticBusybox } from './programs.ts';
import type { BootRequest, Kernel } from './types.ts';

/** Where disks are found: virtual machines of all makes first. What a kernel lacks, it lacks. */
const DRIVERS = [
  ...['virtio_pci', 'virtio_mmio', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ahci', 'ata_piix', 'nvme'],
  ...[
    'vmw_pvscsi',
    'mptspi',
    'mptsas',
    'hv_storvsc',
    'xen_blkfront',
    'mmc_block',
    'sdhci_pci',
    'usb_storage',
  ],
];

/** Bytes of modules; real ones take a fiftieth of it. */
const LARGEST = 512 * 2 ** 20;

export interface InitrdContent {
  readonly architecture: string;
  /** Besides the drivers: the file system and what lies below it. */
  readonly modules: readonly string[];
  /** Further programs, at their paths. */
  readonly programs: readonly ProgramFile[];
}

/** @throws AshlarError where there is no static busybox. */
export async function makeInitrd(
  tree: string,
  kernel: Kernel,
  content: InitrdContent,
): Promise<{ readonly bytes: Uint8Array; readonly missing: readonly string[] }> {
  const index = readModuleIndex(tree, kernel);
  const { missing } = neededModules(content.modules, index);
  const { modules } = neededModules([...DRIVERS, ...content.modules], index);
  const files: CpioEntry[] = [];
  let size = 0;
  for (const { name, file } of modules) {
    const bytes = await readModule(tree, kernel, file);
    size += bytes.length;
    if (size > LARGEST)
      throw new AshlarError(`the modules of ${kernel.version} that a disk needs are too big to be true`);
    files.push({ kind: 'file', path: `mod/${name}.ko`, mode: 0o644, content: bytes });
  }
  // What cannot work where another one does not is not tried.
  const order = modules.map(({ name, after }) => `${[name, ...after].join(' ')}\n`).join('');
  const busybox = staticBusybox(tree, content.architecture);
  const entries: readonly CpioEntry[] = [
    ...['bin', 'dev', 'mod', 'proc', 'root', 'run', 'sys'].map(directory),
    { kind: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: busybox },
    ...APPLETS.map((name): CpioEntry => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' })),
    ...programEntries(content.programs),
    ...files,
    { kind: 'file', path: 'mod/order', mode: 0o644, content: Buffer.from(order) },
    { kind: 'file', path: 'init', mode: 0o755, content: Buffer.from(INIT) },
  ];
  return { bytes: Buffer.concat([...cpioArchive(entries)]), missing };
}

/** What the root of the disk needs, from an initrd of ours. */
export async function makeOwnInitrd(
  request: BootRequest,
  kernel: Kernel,
  needsDmsetup: boolean,
): Promise<Uint8Array> {
  const { tree, spec, warn } = request;
  const keeper = spec.partitions.find(({ name }) => name === spec.root.changesIn)?.fileSystem;
  const { bytes, missing } = await makeInitrd(tree, kernel, {
    architecture: spec.architecture,
    modules: [
      fileSystemModule(spec.root.type),
      ...(spec.root.verity ? ['dm_mod', 'dm_verity'] : []),
      ...(spec.root.overlay ? ['overlay'] : []),
      ...(keeper ? [fileSystemModule(keeper.type)] : []),
    ],
    programs: needsDmsetup ? dmsetup(tree) : [],
  });
  for (const name of missing) {
    warn(`the kernel ${kernel.version} has no module ${name}, which the root file system needs`);
  }
  return bytes;
}

/** ext4 serves all of its kind. */
function fileSystemModule(type: BootRequest['spec']['root']['type']): string {
  return type === 'ext2' || type === 'ext3' ? 'ext4' : type;
}

function dmsetup(tree: string): readonly ProgramFile[] {
  const files = programWithLibraries(tree, ['/usr/sbin/dmsetup', '/sbin/dmsetup']);
  const [program, ...libraries] = files ?? [];
  if (!program) {
    throw new AshlarError('the root cannot be checked by dm-verity: nothing in the image sets that up', {
      hint: 'its kernel has no CONFIG_DM_INIT, so that it takes dmsetup, in the image: apt: dmsetup | dnf, zypper: device-mapper',
    });
  }
  return [{ path: '/bin/dmsetup', bytes: program.bytes }, ...libraries];
}

/** Files with the directories that they are in. */
function programEntries(programs: readonly ProgramFile[]): readonly CpioEntry[] {
  const directories = new Set<string>();
  for (const { path } of programs) {
    const names = path.split('/').slice(1, -1);
    for (const [i] of names.entries()) directories.add(names.slice(0, i + 1).join('/'));
  }
  directories.delete('bin');
  return [
    ...[...directories].sort().map(directory),
    ...programs.map(
      ({ path, bytes }): CpioEntry => ({ kind: 'file', path: path.slice(1), mode: 0o755, content: bytes }),
    ),
  ];
}

function directory(path: string): CpioEntry {
  return { kind: 'directory', path, mode: 0o755 };
}
