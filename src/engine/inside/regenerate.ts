/** Files that programs of an image derive from its tree are made anew; nothing else that the programs do is kept. */
import {
  closeSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  readFileSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { packLayer } from '../../layers/index.ts';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openIn } from '../../linux/index.ts';
import { mountTree, runInTree, type Tree } from '../../sandbox/index.ts';
import { printable } from '../../support/cells.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { OutputTail } from '../steps/failing-line.ts';
import { type Call, followed, passWarnings } from './call.ts';
import type { RegenerateRequest, RegenerateResult } from './requests.ts';
import { prepareRoom, type ReadyRoom } from './room.ts';
import { openPlace, type Place } from './tree.ts';

export async function regenerate(request: RegenerateRequest, call: Call): Promise<RegenerateResult> {
  const { scratch } = call;
  const room = await prepareRoom(request, call);
  const problems: string[] = [];
  const made: { readonly path: string; readonly works: boolean }[] = [];
  for (const [i, { command, makes, wanted }] of request.programs.entries()) {
    const problem = wanted
      ? await problemOf(command, request, room, join(scratch, `run-${i}`), call)
      : undefined;
    if (problem !== undefined) problems.push(`${makes.join(', ')} is left out: ${problem}`);
    made.push(...makes.map(path => ({ path, works: wanted && problem === undefined })));
  }
  const { lowers, upper } = await prepareRoom(request, call, join(scratch, 'kept'));
  {
    using changed = mountTree({ lowers: [...lowers, room.upper], scratch: join(scratch, 'changed') });
    using result = mountTree({ lowers, upper, scratch: join(scratch, 'result') });
    for (const { path, works } of made) transfer(path, works ? changed : undefined, result);
  }
  const layer = await packLayer(
    { kind: 'upper', directory: upper, lowers },
    { ...request.pack, ...followed(call) },
  );
  if (layer) passWarnings(layer, call);
  return { layer, problems };
}

/** Runs a program of the tree; returns why that came to nothing, if it did. */
async function problemOf(
  command: readonly string[],
  { environment, network }: RegenerateRequest,
  room: ReadyRoom,
  scratch: string,
  { signal }: Call,
): Promise<string | undefined> {
  const [program = ''] = command;
  if (!hasFile(program, room.lowers, join(scratch, 'look'))) return `there is no ${program} in the image`;
  const output = new OutputTail();
  const status = await runInTree({
    ...room,
    process: { args: command, environment, hostname: 'stacker', network },
    scratch,
    streams: { kind: 'collected', output: bytes => output.add(bytes) },
    signal,
  });
  if (status === 0) return undefined;
  const last = output.text().trim().split('\n').at(-1) ?? '';
  // It is for a line of the log, whatever the program says.
  const words = printable(last).slice(0, 200);
  return `${program} ended with exit status ${status}${words && `: ${words}`}`;
}

function hasFile(path: string, lowers: readonly string[], scratch: string): boolean {
  using tree = mountTree({ lowers, scratch });
  using root = new FileDescriptor(openAt(AT_FDCWD, tree.root, O_PATH | constants.O_DIRECTORY));
  try {
    closeSync(openIn(root.fd, path, O_PATH));
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/**
 * Gives a path of one tree to the other, or removes it there when it is no file of the first. It keeps the time that it
 * had, and so does its directory: the result must not tell when it was made.
 */
function transfer(path: string, from: Tree | undefined, to: Tree): void {
  using target = placeIn(to, path);
  if (!target) return;
  using source = from && placeIn(from, path);
  const there = statusOf(target);
  const fresh = source && statusOf(source);
  const directory = dirname(target.path);
  const { atime, mtime } = lstatSync(`${directory}/.`);
  if (source && fresh?.isFile()) {
    if (there?.isFile() && sameFile(source, fresh, target, there)) return;
    rmSync(target.path, { force: true, recursive: true });
    copyFileSync(source.path, target.path);
    lchownSync(target.path, fresh.uid, fresh.gid);
    const time = there?.mtime ?? new Date(0);
    lutimesSync(target.path, time, time);
  } else if (there) {
    rmSync(target.path, { recursive: true });
  }
  lutimesSync(`${directory}/.`, atime, mtime);
}

function placeIn(tree: Tree, path: string): Place | undefined {
  try {
    return openPlace(tree, path);
  } catch (error) {
    // There is no directory for it.
    if (error instanceof AshlarError) return undefined;
    throw error;
  }
}

function statusOf({ path }: Place): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Bytes of the largest files that are compared: images choose what is in them, and both come into memory. */
const MOST_COMPARED = 64 * 1024 ** 2;

/** Whether nothing has changed; larger files count as changed. */
function sameFile(a: Place, statusOfA: Stats, b: Place, statusOfB: Stats): boolean {
  return (
    statusOfA.size === statusOfB.size &&
    statusOfA.size <= MOST_COMPARED &&
    statusOfA.mode === statusOfB.mode &&
    readFileSync(a.path).equals(readFileSync(b.path))
  );
}
