/** What a raw disk is also handed out as: by qemu-img, and the same each time. */
import { createHash } from 'node:crypto';
import {
  constants,
  createReadStream,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type HostFiles, packLayer } from '../../layers/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { runTool } from '../file-systems/program.ts';
import { type Ids, idsOf } from '../ids.ts';
import type { FormatRequest, MakeFormat } from '../request.ts';
import { machineOf, ovfText, vmxText } from './machine.ts';
import { formatOptions } from './options.ts';
import { patchVdi, patchVhd, patchVhdx, patchVmdk } from './patches.ts';

export const makeFormat: MakeFormat = async request => {
  // A vmdk names itself, which nobody reads: the name must not be that of a place on the way.
  const directory = join(request.scratch, 'format');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const made = join(directory, `disk.${request.format.format}`);
  await make(request, formatOptions(request.format), made);
  renameSync(made, request.output);
};

type Options = ReadonlyMap<string, string>;

async function make(request: FormatRequest, options: Options, output: string): Promise<void> {
  const ids = idsOf(request.identity);
  switch (request.format.format) {
    case 'qcow2': {
      const flags = options.get('compressed') === 'on' ? ['-c'] : [];
      return convert(request, 'qcow2', without(options, 'compressed'), output, flags);
    }
    case 'vmdk':
      await convert(request, 'vmdk', options, output);
      return patch(output, fd => patchVmdk(fd, ids));
    case 'vdi':
      await convert(request, 'vdi', options, output);
      return patch(output, fd => patchVdi(fd, ids));
    case 'vhd':
      return makeVhd(request, ids, options, output);
    case 'vhd-fixed':
      return makeVhd(request, ids, new Map([...options, ['subformat', 'fixed']]), output);
    case 'vhdx':
      await convert(request, 'vhdx', new Map([['subformat', 'dynamic'], ...options]), output);
      return patch(output, fd => patchVhdx(fd, ids));
    case 'vmx':
      return writeFileSync(output, vmxText(machineOf(options, 'disk.vmdk')));
    case 'ova':
      return makeOva(request, ids, options, output);
    case 'gce':
      return packFiles(request, [request.source], ['disk.raw'], 'gzip', output);
  }
}

async function makeVhd(request: FormatRequest, ids: Ids, options: Options, output: string): Promise<void> {
  await convert(request, 'vpc', options, output);
  patch(output, (fd, size) => patchVhd(fd, size, ids, request.epoch));
}

function without(options: Options, key: string): Options {
  return new Map([...options].filter(([known]) => known !== key));
}

async function convert(
  { source, signal }: FormatRequest,
  format: string,
  options: Options,
  output: string,
  flags: readonly string[] = [],
): Promise<void> {
  const words = [...options].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await runTool('qemu-img', ['convert', '-f', 'raw', '-O', format, ...flags, ...words, source, output], {
    signal,
  });
}

function patch(path: string, change: (fd: number, size: number) => void): void {
  using file = new FileDescriptor(openSync(path, constants.O_RDWR));
  change(file.fd, fstatSync(file.fd).size);
}

/** An archive of a description, the digests, and a disk that can be streamed (OVF, 2.1): in this order. */
async function makeOva(request: FormatRequest, ids: Ids, options: Options, output: string): Promise<void> {
  const name = options.get('name') ?? 'disk';
  const files = join(request.scratch, 'ova');
  rmSync(files, { recursive: true, force: true });
  mkdirSync(files);
  const names = [`${name}.ovf`, `${name}.mf`, `${name}-disk1.vmdk`] as const;
  const [ovf, manifest, disk] = [join(files, names[0]), join(files, names[1]), join(files, names[2])];
  await convert(request, 'vmdk', new Map([['subformat', 'streamOptimized']]), disk);
  patch(disk, fd => patchVmdk(fd, ids));
  const machine = machineOf(options, names[2]);
  writeFileSync(ovf, ovfText(machine, statSync(request.source).size, statSync(disk).size));
  const lines = [ovf, disk].map(async path => `SHA256(${basename(path)})= ${await digestOf(path)}\n`);
  writeFileSync(manifest, (await Promise.all(lines)).join(''));
  await packFiles(request, [ovf, manifest, disk], names, 'none', output);
  rmSync(files, { recursive: true });
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A tar archive of files under names, in this order, with the time of the disk. */
async function packFiles(
  { epoch, signal }: FormatRequest,
  sources: readonly string[],
  names: readonly string[],
  compression: 'none' | 'gzip',
  output: string,
): Promise<void> {
  const entries = sources.map(
    (source, i): HostFiles => ({
      ...{ source, target: `/${names[i]}`, keep: 'content', mode: 0o644, uid: 0, gid: 0 },
    }),
  );
  await packLayer(
    { kind: 'files', entries, parents: [] },
    { compression, output, sourceDateEpoch: epoch, signal },
  );
}
