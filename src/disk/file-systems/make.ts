/** File systems of trees, each in the way that keeps everything and takes the least time here. */
import { renameSync, rmSync, statSync } from 'node:fs';
import { fromText, sealImage } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { idsOf, uuidOf } from '../ids.ts';
import { alignUp, createSparse, MIB } from '../pieces.ts';
import type {
  FileSystemRequest,
  MakeFileSystem,
  MakeFileSystemFile,
  NeededRoom,
  NeededSize,
  SizeRequest,
} from '../request.ts';
import { leastBtrfsSize, makeBtrfs } from './btrfs.ts';
import { makeCompressed } from './compressed.ts';
import { copyInto } from './copy-into.ts';
import { leastExtSize, makeExt } from './ext.ts';
import { readTree, roundUp, type SourceTree } from './source-tree.ts';
import { leastXfsSize, makeXfs } from './xfs.ts';

export const makeFileSystem: MakeFileSystem = async request => {
  const { fileSystem, measured } = request;
  if (measured.kind === 'image') return placeImage(request, measured.path);
  switch (fileSystem.type) {
    case 'btrfs':
      return makeBtrfs(request, measured.tree);
    case 'xfs':
      return makeXfs(request, measured.tree);
    case 'ext2':
    case 'ext3':
    case 'ext4':
      return makeExt(request, measured.tree);
    case 'squashfs':
    case 'erofs':
      throw new Error(`${fileSystem.type} is made when it is measured`);
    default:
      fileSystem.type satisfies never;
  }
};

function placeImage({ fileSystem, file, offset, size }: FileSystemRequest, image: string): void {
  const taken = statSync(image).size;
  if (taken > size) {
    throw new AshlarError(
      `the content does not fit: the ${fileSystem.type} has ${taken} bytes, and there are ${size}`,
    );
  }
  copyInto(image, file, offset);
  rmSync(image);
}

export const neededSize: NeededSize = async request => {
  switch (request.fileSystem.type) {
    case 'squashfs':
    case 'erofs': {
      const image = await makeCompressed(request);
      const size = roundUp(statSync(image).size);
      return { least: size, usual: size, measured: { kind: 'image', path: image } };
    }
    case 'btrfs':
      return measure(request, leastBtrfsSize);
    case 'xfs':
      return measure(request, leastXfsSize);
    case 'ext2':
    case 'ext3':
    case 'ext4':
      return measure(request, leastExtSize);
  }
};

async function measure(
  request: SizeRequest,
  leastSize: (request: SizeRequest, tree: SourceTree) => Promise<number>,
): Promise<NeededRoom> {
  const { fileSystem, tree, without, signal, warn } = request;
  // Programs that read a tree themselves choose what they take of it.
  const byHand = fileSystem.type === 'ext4' || fileSystem.type === 'xfs';
  const selection = { without: without.map(fromText), ...(byHand && { warn }) };
  const source = await readTree(tree, signal, selection);
  const stored = source.inodes.reduce((sum, inode) => sum + inode.stored, 0);
  const least = await leastSize(request, source);
  // What changes when a system starts: journals, caches, ids of the machine.
  const usual = least + alignUp(Math.max(32 * MIB, stored / 10), MIB);
  return { least, usual, measured: { kind: 'tree', tree: source } };
}

export const makeFileSystemFile: MakeFileSystemFile = async ({ output, identity, verity, ...request }) => {
  const uuid = uuidOf(idsOf(identity), `file system ${request.fileSystem.type}`);
  const part = `${output}.part`;
  try {
    const { type } = request.fileSystem;
    if (type === 'squashfs' || type === 'erofs')
      renameSync(await makeCompressed({ ...request, uuid, without: [] }), part);
    else {
      const { usual: size, measured } = await neededSize({ ...request, uuid, without: [] });
      createSparse(part, size);
      await makeFileSystem({ ...request, uuid, file: part, offset: 0, size, measured });
    }
    const { rootHash } = verity ? await sealImage(part, true, request) : {};
    renameSync(part, output);
    return rootHash === undefined ? {} : { rootHash };
  } finally {
    rmSync(part, { force: true });
  }
};
