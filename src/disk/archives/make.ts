/** Trees as archives. Tar archives are those of layers; a cpio is written by our own hand. */
import { renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type Compression, IMPLIED_DIRECTORY, type PackJob, packLayer } from '../../layers/index.ts';
import { runTool, toolPath } from '../file-systems/program.ts';
import type { ArchiveRequest, MakeArchive } from '../request.ts';
import { writeCpio } from './cpio.ts';

/** Times stay as the tree has them. */
export const makeArchive: MakeArchive = async request => {
  const part = `${request.output}.part`;
  try {
    switch (request.format) {
      case 'tar':
        await makeTar(request, 'none', part);
        break;
      case 'tar.gz':
        await makeTar(request, 'gzip', part);
        break;
      case 'tar.zst':
        await makeTar(request, 'zstd', part);
        break;
      case 'tar.xz':
        await makeXz(request, part);
        break;
      case 'cpio':
        await writeCpio(request, part);
    }
    renameSync(part, request.output);
  } finally {
    rmSync(part, { force: true });
  }
};

async function makeTar(
  { tree, devices, signal, warn }: ArchiveRequest,
  compression: Compression,
  output: string,
): Promise<void> {
  const packed = await packLayer(
    { kind: 'upper', directory: tree, devices },
    { compression, output, signal },
  );
  for (const warning of packed?.warnings ?? []) warn(warning);
  // Nothing but a root is no layer, but it is an archive.
  if (packed === undefined) await packLayer(EMPTY, { compression, output, signal });
}

const EMPTY: PackJob = {
  kind: 'entries',
  entries: [{ kind: 'entry', path: '', entry: IMPLIED_DIRECTORY }],
};

/** Blocks are compressed side by side; the same bytes on any number of processors, since their size is given. */
async function makeXz(request: ArchiveRequest, output: string): Promise<void> {
  toolPath('xz');
  const tar = `${output}.tar`;
  try {
    await makeTar(request, 'none', tar);
    const threads = Math.max(2, availableParallelism());
    // One thread alone would write another form of the same.
    await runTool('xz', ['-6', '--block-size=24MiB', `--threads=${threads}`, tar], request);
    renameSync(`${tar}.xz`, output);
  } finally {
    rmSync(tar, { force: true });
    rmSync(`${tar}.xz`, { force: true });
  }
}
