/** Layers that are file systems, read and made by programs that need the names and owners of our namespaces. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FileSystemLayer,
  makeErofs,
  type PackedLayer,
  packLayer,
  sealImage,
  unpackLayer,
} from '../../layers/index.ts';
import { INPUT, OUTPUT, runConfined } from '../../sandbox/index.ts';
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
  await extract(kind, blob, output, call);
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
    args: ['-no-progress', '-quiet', '-xattrs', '-dest', TREE, INPUT],
    packages: 'squashfs-tools (Debian, Fedora) or squashfs (openSUSE)',
  },
  erofs: {
    program: 'fsck.erofs',
    args: ['-d1', '--no-preserve', `--extract=${TREE}`, INPUT],
    packages: 'erofs-utils',
  },
} as const;

/** unsquashfs: everything is there but what only more privileges can make, such as devices. */
const INCOMPLETE = 2;

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
  const { status, stderr } = await runConfined(path, args, confinement);
  if (status === 0) return;
  const lines = [...new Set(stderr.split('\n').filter(line => line !== ''))];
  const complaint = lines.slice(0, MOST_LINES).join('; ');
  if (kind === 'erofs' || status !== INCOMPLETE)
    throw new AshlarError(`${program} failed with status ${status}: ${complaint}`);
  warn(`not everything in a squashfs layer could be read: ${complaint}`);
}

const MOST_LINES = 5;

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
