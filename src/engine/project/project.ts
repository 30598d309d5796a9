/**
 * The directories of one project besides its results: who works in them, and where things are in them. Scripts look
 * into them, so their form is the documented one of stacker; what takes room is in the store, and only linked here.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLock, lockFile, lockOwner, processesThatOpened } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { pause } from '../../support/pause.ts';

/** Absolute paths; the directories need not exist yet. */
export interface ProjectDirectories {
  /** Working files: what scripts see of imports, links to the tar files that images start from. */
  readonly work: string;
  /** Links to the trees of layers. */
  readonly roots: string;
}

/** How trees are put together; there is one way only. */
const STORAGE = 'overlay';

/** Milliseconds that the processes of a build that was killed are given to end. */
const DYING = 10_000;
const PAUSE = 25;

/** The directories of a project while nobody else works in them. */
export class Project implements Disposable {
  readonly directories: ProjectDirectories;
  readonly #locks: readonly FileLock[];

  private constructor(directories: ProjectDirectories, locks: readonly FileLock[]) {
    this.directories = directories;
    this.#locks = locks;
  }

  /** Makes the directories and takes their locks. @throws AshlarError when somebody else has them. */
  static async open(directories: ProjectDirectories): Promise<Project> {
    const { work, roots } = directories;
    for (const directory of [work, roots]) mkdirSync(directory, { recursive: true });
    const locks = await lockDirectories([work, roots], 'exclusive');
    try {
      agreeOnStorage(join(work, 'storage.type'));
      return new Project(directories, locks);
    } catch (error) {
      release(locks);
      throw error;
    }
  }

  /** Open files that keep the locks held: processes that inherit them hold the locks as well. */
  get lockDescriptors(): readonly number[] {
    return this.#locks.map(({ fd }) => fd);
  }

  /** The directory of the imports that the scripts of an image see. */
  importsOf(image: string): string {
    return join(this.directories.work, 'imports', fileName(image));
  }

  /** The file that says what is in `importsOf`, and is there only while that is complete. */
  importsRecordOf(image: string): string {
    return join(this.directories.work, 'staged', `${fileName(image)}.json`);
  }

  /** The link to a tar file that an image starts from. */
  tarBase(name: string): string {
    return join(this.directories.work, 'layer-bases', name);
  }

  /** The link to what an image's script changed, or to the tree of a layer. */
  overlayOf(name: string): string {
    return join(this.directories.roots, fileName(name), 'overlay');
  }

  [Symbol.dispose](): void {
    release(this.#locks);
  }
}

/** Keeps builds out of the directories, as far as they exist. @throws AshlarError when one works in them. */
export async function holdProject(
  { work, roots }: ProjectDirectories,
  mode: 'exclusive' | 'shared',
): Promise<Disposable> {
  const locks = await lockDirectories(
    [work, roots].filter(directory => existsSync(directory)),
    mode,
  );
  return { [Symbol.dispose]: () => release(locks) };
}

/** The directory that keeps what is changed in an image from one chroot to the next. */
export function keptChanges({ roots }: ProjectDirectories, image: string): string {
  return join(roots, fileName(image), 'chroot');
}

/**
 * A layer may be called `a/b`; it is one directory all the same, and never one within that of a layer `a`. What people
 * type may be `..`, which no layer is called.
 */
function fileName(name: string): string {
  return name.replaceAll('/', '%2F').replace(/^\.+$/, dots => dots.replaceAll('.', '%2E'));
}

function release(locks: readonly FileLock[]): void {
  for (const lock of locks) lock[Symbol.dispose]();
}

async function lockDirectories(
  directories: readonly string[],
  mode: 'exclusive' | 'shared',
): Promise<readonly FileLock[]> {
  const locks: FileLock[] = [];
  try {
    // Two names of one directory have one lock.
    for (const directory of new Map(directories.map(path => [realpathSync(path), path])).values()) {
      locks.push(await lock(join(directory, '.lock'), mode));
    }
    return locks;
  } catch (error) {
    release(locks);
    throw error;
  }
}

async function lock(path: string, mode: 'exclusive' | 'shared'): Promise<FileLock> {
  const begin = performance.now();
  for (let attempt = 1; ; attempt++) {
    const held = lockFile(path, { mode, wait: false });
    if (held && isCurrent(held)) return held;
    held?.[Symbol.dispose]();
    if (!held) {
      const owner = ownerOf(path);
      const dying = owner?.dying === true && performance.now() - begin < DYING;
      const justReleased = owner === undefined && attempt < 3;
      if (!dying && !justReleased) throw taken(path, owner);
      await pause(PAUSE, undefined);
    }
  }
}

/** Not when the directory was removed, and perhaps made again, while we waited. */
function isCurrent({ path, fd }: FileLock): boolean {
  const [ours, there] = [statSync(`/proc/self/fd/${fd}`), statSync(path, { throwIfNoEntry: false })];
  return there?.ino === ours.ino && there.dev === ours.dev;
}

interface LockOwner {
  readonly pid: number;
  readonly command: string;
  /** It has ended, and what it left the lock to is about to. */
  readonly dying: boolean;
}

function ownerOf(path: string): LockOwner | undefined {
  const taker = lockOwner(path);
  if (taker === undefined) return undefined;
  const command = commandOf(taker);
  if (command !== undefined) return { pid: taker, command, dying: false };
  // flock(1) takes locks for the shell that it shares the file with, and a build that is killed has not ended yet.
  const heir = processesThatOpened(path).find(pid => pid !== process.pid && !isOurs(pid));
  if (heir === undefined) return { pid: taker, command: '', dying: true };
  return { pid: heir, command: commandOf(heir) ?? '', dying: false };
}

/** Whether a process is of this program, or starts it in namespaces, or ends just now. */
function isOurs(pid: number): boolean {
  return commandOf(pid)?.includes(process.execPath) ?? true;
}

function taken(path: string, owner: LockOwner | undefined): AshlarError {
  const who = owner === undefined ? 'another process' : `pid ${owner.pid} (${owner.command})`;
  return new AshlarError(`couldn't acquire lock on ${path}: lock owned by ${who}`, {
    hint: 'wait until it has ended, or work in other directories (--stacker-dir, --roots-dir)',
  });
}

/** The command line of a process that lives; one that has ended but is not buried has none. */
function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
  } catch {
    return undefined;
  }
}

function agreeOnStorage(path: string): void {
  if (!existsSync(path)) {
    writeFileSync(path, STORAGE);
    return;
  }
  const previous = readFileSync(path, 'utf8').trim();
  if (previous === STORAGE) return;
  throw new AshlarError(
    `previous storage type ${previous} not compatible with requested storage ${STORAGE}`,
    {
      hint: 'ashlar clean removes what the other one left',
    },
  );
}
