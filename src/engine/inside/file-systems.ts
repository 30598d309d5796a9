/** Layers that are file systems, read and made by programs that need the names and owners of our namespaces. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  disguiseDevices,
  type FileSystemLayer,
  makeErofs,
  type PackedLayer,
  packLayer,
  SquashfsListing,
  sealImage,
  unpackLayer,
} from '../../layers/index.ts';
import { type Confinement, INPUT, OUTPUT, runConfined } from '../../sandbox/index.ts';
import { printable } from '../../support/cells.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { type Call, followed, passWarnings } from './call.ts';
import type { MakeErofsRequest, ReadFileSystemRequest } from './requests.ts';

/** What a file system says, as a tar layer; undefined when it says nothing. */
export async function readFileSystem(
  { blob, kind, pack }: ReadFileSystemRequest,
  call: Call,
): Promise<PackedLayer | undefined> {
  const output = join(call.scratch, 'output');
  mkdirSync(output);
  const directory = join(output, 'tree');
  const copy = join(call.scratch, 'copy');
  const input = kind === 'erofs' && disguiseDevices(blob, copy) ? copy : blob;
  await extract(kind, input, output, call);
  const layer = await packLayer(
    kind === 'squashfs' ? { kind: 'upper', directory } : { kind: 'erofs', blob, directory },
    { ...pack, ...followed(call) },
  );
  if (layer) passWarnings(layer, call);
  return layer;
}

const TREE = `${OUTPUT}/tree`;

/** What extracts each kind of file system. Of erofs only the contents of files count. */
const EXTRACTORS = {
  squashfs: {
    program: 'unsquashfs',
    // What may be missing is decided below.
    args: ['-no-progress', '-quiet', '-xattrs', '-ignore-errors', '-dest', TREE, INPUT],
    packages: 'squashfs-tools (Debian, Fedora) or squashfs (openSUSE)',
  },
  erofs: {
    program: 'fsck.erofs',
    args: ['-d1', '--no-preserve', `--extract=${TREE}`, INPUT],
    packages: 'erofs-utils',
  },
} as const;

/** Of unsquashfs: something is missing that only more privileges can make. */
const INCOMPLETE = 2;

/** What it says of devices, and of attributes that only root of the host may set. */
const PRIVILEGED = /failed to create (?:character|block) device|failed to write xattr trusted\./;

async function extract(
  kind: 'squashfs' | 'erofs',
  input: string,
  output: string,
  { scratch, signal, warn }: Call,
): Promise<void> {
  const { program, args, packages } = EXTRACTORS[kind];
  const path = findProgram(program);
  if (path === undefined) {
    throw new AshlarError(`cannot read a layer that is ${kind}: the program "${program}" is missing`, {
      hint: `install ${packages}`,
    });
  }
  const confinement = { input, output, scratch: join(scratch, 'confined'), signal };
  if (kind === 'squashfs') await checkListing(path, confinement);
  const { status, stderr } = await runConfined(path, args, confinement);
  if (status === 0) return;
  const lines = [...new Set(stderr.split('\n').filter(line => line !== ''))];
  const complaints = lines.filter(line => !PRIVILEGED.test(line));
  if (kind === 'erofs' || status !== INCOMPLETE || complaints.length > 0)
    throw failed(program, status, complaints.length > 0 ? complaints : lines);
  const said = lines.slice(0, MOST_LINES).map(printable).join('; ');
  warn(`not everything in a squashfs layer can be kept without more privileges: ${said}`);
}

const MOST_LINES = 5;

function failed(program: string, status: number, lines: readonly string[]): AshlarError {
  return new AshlarError(`${program} failed with status ${status}: ${lines.slice(0, MOST_LINES).join('; ')}`);
}

/** Refuses an image that would fill the disk, before anything is written. */
async function checkListing(unsquashfs: string, confinement: Confinement): Promise<void> {
  const listing = new SquashfsListing(statSync(confinement.input).size);
  const onStdout = (bytes: Buffer) => listing.add(bytes);
  const { status, stderr } = await runConfined(unsquashfs, ['-lln', INPUT], { ...confinement, onStdout });
  if (status !== 0) throw failed('unsquashfs', status, stderr.trim().split('\n'));
}

/** A tar layer as an erofs image: unpacked, since mkfs.erofs takes directories. */
export async function makeErofsLayer(
  { layer, below, compression, verity, output }: MakeErofsRequest,
  call: Call,
): Promise<FileSystemLayer> {
  const { signal, options } = call;
  const { diffId, blob } = layer;
  const directory = join(call.scratch, 'layer');
  const owners = options.singleId ? 'squash' : 'keep';
  const { warnings } = await unpackLayer({
    ...{ blob, compression: layer.compression, diffId, directory, owners, signal },
  });
  await makeErofs({ directory, below, diffId, compression, output }, signal);
  return { ...(await sealImage(output, verity, { signal })), warnings };
}
