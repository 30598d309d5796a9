/** Trees of this machine as our namespaces show them: what they are called, and how they differ from layers. */
import { constants, fstatSync, readdirSync, readFileSync } from 'node:fs';
import {
  decodeContents,
  differenceOf,
  mergeContents,
  packLayer,
  prepareLayerWorker,
  recordsOfPacked,
  type Survey,
  surveyTree,
  toText,
} from '../../layers/index.ts';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openIn } from '../../linux/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { Database } from '../store/database.ts';
import { type Call, followed, passWarnings } from './call.ts';
import type {
  DescriptionFile,
  DoubtfulOwners,
  TreeDifferenceRequest,
  TreeDifferenceResult,
} from './requests.ts';

/** Bytes of a description. */
const LONGEST_DESCRIPTION = 4 << 20;

/** The description of an image in the tree that was built from it. */
export function readDescription(directory: string): DescriptionFile | undefined {
  using root = new FileDescriptor(openAt(AT_FDCWD, directory, O_PATH | constants.O_DIRECTORY));
  const other = namesIn(root.fd, 'image').filter(name => name.endsWith('.kiwi'));
  for (const file of ['image/config.xml', ...other.sort().map(name => `image/${name}`)]) {
    const bytes = readSmall(root.fd, file);
    if (bytes) return { file: `/${file}`, bytes };
  }
  return undefined;
}

function namesIn(root: number, path: string): readonly string[] {
  const fd = tryOpen(root, path, constants.O_RDONLY | constants.O_DIRECTORY);
  if (fd === undefined) return [];
  using opened = new FileDescriptor(fd);
  return readdirSync(`/proc/self/fd/${opened.fd}`);
}

function readSmall(root: number, path: string): Buffer | undefined {
  const fd = tryOpen(root, path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fd === undefined) return undefined;
  using opened = new FileDescriptor(fd);
  const status = fstatSync(opened.fd);
  if (!status.isFile()) return undefined;
  if (status.size > LONGEST_DESCRIPTION) throw new AshlarError(`/${path} of the tree is too large`);
  return readFileSync(opened.fd);
}

function tryOpen(root: number, path: string, flags: number): number | undefined {
  try {
    return openIn(root, path, flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(codeOf(error) ?? '')) return undefined;
    throw new AshlarError(`cannot read /${path} of the tree`, { cause: error });
  }
}

/** Packs what a tree has that layers do not give, and what it has not that they give. */
export async function treeDifference(
  { directory, below, withoutContentOf, index, pack }: TreeDifferenceRequest,
  call: Call,
): Promise<TreeDifferenceResult> {
  prepareLayerWorker();
  using database = new Database(index);
  const merged = mergeContents(below.map(decodeContents));
  const survey = await surveyTree(directory, {
    withoutContentOf,
    cache: database.files,
    isHashNeeded: (path, size) => {
      const before = merged.get(path)?.entry;
      return before?.type === 'file' && before.size === size;
    },
    signal: call.signal,
  });
  for (const text of survey.warnings) call.warn(text);
  const doubtful = doubtfulOwners(survey);
  const entries = differenceOf(survey.entries, merged, survey.isLeftOut);
  if (entries.length === 0) return { layer: undefined, doubtful };
  const layer = await packLayer({ kind: 'entries', entries, directory }, { ...pack, ...followed(call) });
  if (!layer?.contents) throw new Error('a layer without contents');
  passWarnings(layer, call);
  database.files.set(recordsOfPacked(survey, decodeContents(layer.contents)));
  return { layer, doubtful };
}

/** The kernel shows this id for owners that do not exist in our namespaces. */
const NOBODY = 65_534;

/** Where the owner may be one who does not exist here, or the one who is called so. */
function doubtfulOwners({ entries }: Survey): DoubtfulOwners {
  const shownAsNobody = (kind: 'uid' | 'gid') => ({
    paths: [...entries].flatMap(([path, { entry }]) => (entry[kind] === NOBODY ? [toText(path)] : [])),
    id: outerId(kind),
  });
  return { uid: shownAsNobody('uid'), gid: shownAsNobody('gid') };
}

/** Which id outside of our namespaces is called so here. */
function outerId(kind: 'uid' | 'gid'): number | undefined {
  for (const line of readFileSync(`/proc/self/${kind}_map`, 'utf8').trim().split('\n')) {
    const [first = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (NOBODY >= first && NOBODY < first + count) return outside + NOBODY - first;
  }
  return undefined;
}
