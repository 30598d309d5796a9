/** An image in a file that other tools load, or in a layout of its own. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { streamArchive } from '../../layers/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { archiveFiles, createLayout, type Manifest, verifying } from '../../oci/index.ts';
import type { ContainerOutput } from '../../plan/outputs.ts';
import { AshlarError } from '../../support/errors.ts';
import { runProgram } from '../../support/process.ts';
import { requireProgram } from '../../support/programs.ts';
import type { BuildContext } from '../context.ts';
import { canonical } from '../keys/keys.ts';
import type { BuiltImage } from '../values.ts';
import { deliver, type Made } from './kept.ts';
import { programParts, treePrograms } from './programs.ts';

interface MadeContainer {
  readonly bytes: number;
  /** Hexadecimal; of files. */
  readonly sha256?: string;
  readonly cached: boolean;
}

export async function makeContainer(
  output: ContainerOutput,
  image: BuiltImage,
  target: string,
  context: BuildContext,
): Promise<MadeContainer> {
  const [first, ...others] = output.names;
  if (first === undefined)
    throw new AshlarError(`the container ${output.file} needs a name`, { at: output.at });
  const names = [first, ...others] as const;
  await Promise.all(image.layers.map(layer => layer.fetch()));
  const { format } = output;
  if (format === 'layout') return makeLayout(names, image, target, context);
  if (output.compression === 'none')
    return { ...(await writeFile(await archiveOf(format, names, image, context), target)), cached: false };
  return deliver(
    {
      domain: 'output container',
      parts: [
        ['manifest', image.manifest.digest],
        ['names', canonical(names)],
        ['format', format],
        ...(await programParts(treePrograms(output), output.kind, context)),
      ],
      make: async path => compressed(await archiveOf(format, names, image, context), path, context),
    },
    target,
    context,
  );
}

/** Blobs are shared with the store: where nothing is changed in place, nothing is copied. */
async function makeLayout(
  names: readonly string[],
  image: BuiltImage,
  target: string,
  { store, signal }: BuildContext,
): Promise<MadeContainer> {
  mkdirSync(target);
  const layout = await createLayout(target);
  using change = await layout.change({ signal });
  const blobs = [...image.layers.map(({ descriptor }) => descriptor), image.configBlob, image.manifest];
  for (const blob of blobs) await change.addFile(blob, store.blobPath(blob.digest));
  await change.setTags(names.map(tag => ({ tag, descriptor: image.manifest })));
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  return { bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0), cached: false };
}

async function archiveOf(
  format: 'docker' | 'oci',
  names: readonly [string, ...string[]],
  { manifest: descriptor, configBlob }: BuiltImage,
  { store }: BuildContext,
): Promise<AsyncIterable<Uint8Array>> {
  const manifestBytes = await readFile(store.blobPath(descriptor.digest));
  const configBytes = await readFile(store.blobPath(configBlob.digest));
  const manifest = JSON.parse(manifestBytes.toString()) as Manifest;
  const blob = (wanted: typeof descriptor) =>
    verifying(wanted, createReadStream(store.blobPath(wanted.digest), { highWaterMark: 1 << 20 }));
  return streamArchive(
    archiveFiles({ manifest, descriptor, manifestBytes, configBytes, blob }, names, format),
  );
}

async function writeFile(
  pieces: AsyncIterable<Uint8Array>,
  target: string,
): Promise<Pick<MadeContainer, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using file = await open(target, 'wx', 0o644);
  for await (const piece of pieces) {
    hash.update(piece);
    bytes += piece.length;
    await file.writeFile(piece);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** In blocks of a fixed size, so that the number of processors has no influence on the bytes. */
const XZ = ['--compress', '--stdout', '-6', '--threads=2', '--block-size=12MiB'];

async function compressed(
  input: AsyncIterable<Uint8Array>,
  path: string,
  { signal }: BuildContext,
): Promise<Made<null>> {
  using output = new FileDescriptor(openSync(path, 'wx', 0o644));
  const onStdout = (bytes: Buffer) => writeFileSync(output.fd, bytes);
  const program = requireProgram('xz', 'an archive compressed with xz');
  const { status, stderr } = await runProgram(program, XZ, { input, onStdout, signal });
  if (status !== 0) throw new AshlarError(`xz failed with status ${status}: ${stderr.trim()}`);
  return { facts: null };
}
