import { closeSync, existsSync, fstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AT_FDCWD,
  FileDescriptor,
  MS,
  makeReadOnly,
  mount,
  O_PATH,
  openAt,
  openIn,
  unmount,
} from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import type { Process, SettledProcess, StagedBind, Streams } from './bundle.ts';
import { type MountPoint, makeMountPoints, resolveMountPoint } from './mountpoints.ts';
import { type RuntimeName, runBundle } from './runtime.ts';
import { mountTree } from './tree.ts';
import { availableAccount, findAccount, readAccountFiles } from './users.ts';

/** A file or directory of the host that the process sees at `target`. */
export interface HostMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface RunOptions {
  readonly process: Process;
  /** A program of the tree without which the process cannot start: a failure says so when it is missing. */
  readonly needs?: string;
  /** Overlay-ready layers from the bottom to the top. */
  readonly lowers: readonly string[];
  /** An existing directory that collects what the process changes. */
  readonly upper: string;
  /** An empty directory of ours on the file system of `upper`. */
  readonly scratch: string;
  readonly mounts: readonly HostMount[];
  readonly runtime: RuntimeName;
  readonly streams: Streams;
  readonly signal: AbortSignal;
}

const SYSTEM_POINTS: readonly MountPoint[] = ['/proc', '/dev', '/sys'].map(path => ({
  path,
  kind: 'directory',
}));

/**
 * Runs a process in a tree and returns its exit status. Nothing that is made for running it (mount points, devices,
 * the mounts themselves) gets into `upper`. Must be called inside our own namespaces.
 */
export function runInTree(options: RunOptions): Promise<number> {
  const { scratch, streams, signal } = options;
  return inReadyTree(options, async ({ root, binds }) => {
    const directory = join(scratch, 'bundle');
    const process = settle(options.process, root);
    const bundle = { process, rootfs: root, binds, directory, streams, signal };
    try {
      const status = await runBundle(options.runtime, bundle);
      if (status !== 0) explainFailure(root, options);
      return status;
    } catch (error) {
      if (error instanceof AshlarError) explainFailure(root, options);
      throw error;
    }
  });
}

/** What it takes to mount a tree with mount points for all that processes find in it. */
export type TreeToRunIn = Pick<RunOptions, 'lowers' | 'upper' | 'scratch' | 'mounts'>;

/** Does something while the tree is mounted, and what is to be bound to it is staged. */
export async function inReadyTree<T>(
  options: TreeToRunIn,
  use: (tree: { readonly root: string; readonly binds: readonly StagedBind[] }) => Promise<T>,
): Promise<T> {
  const { upper, scratch, mounts } = options;
  const staging = join(scratch, 'binds');
  mkdirSync(staging, { recursive: true });
  const staged: Staged[] = [];
  try {
    for (const [i, hostMount] of mounts.entries()) staged.push(stage(hostMount, join(staging, String(i))));
    const points = staged.map(({ bind, kind }): MountPoint => ({ path: bind.target, kind }));
    const { lowers, paths } = withMountPoints(options, points);
    using tree = mountTree({ lowers, upper, scratch: join(scratch, 'tree') });
    const binds = staged.map(({ bind }, i) => ({ ...bind, target: paths[i] ?? bind.target }));
    return await use({ root: tree.root, binds });
  } finally {
    for (const { bind } of staged) unmount(bind.source);
  }
}

/** A process as it is to start in the tree mounted at `root`, which gets the directory that it starts in. */
export function settle({ identity, ...process }: Process, root: string): SettledProcess {
  if (!identity) return { ...process, account: { uid: 0, gid: 0, groups: [] }, directory: '/' };
  const { user, directory } = identity;
  const account = availableAccount(findAccount(user, readAccountFiles(root)), user);
  const point = resolveMountPoint(root, { path: directory, kind: 'directory' }, 'start in');
  // There a runtime could be led to what it has open itself (CVE-2024-21626).
  if (/^\/(?:dev|proc|sys)(?:\/|$)/.test(point.path))
    throw new AshlarError(`cannot start in ${directory}: ${point.path} is not the image's own`);
  if (!point.exists) mkdirSync(join(root, point.path), { recursive: true, mode: 0o755 });
  const environment = { HOME: account.home, ...process.environment };
  return { ...process, environment, account, directory: point.path };
}

interface Staged {
  readonly bind: StagedBind;
  readonly kind: MountPoint['kind'];
}

/** Binds the source once, to a place of ours: what the path leads to later (a swapped link) no longer matters. */
function stage({ source, target, readOnly }: HostMount, place: string): Staged {
  const fd = openAt(AT_FDCWD, source, O_PATH);
  try {
    const kind = fstatSync(fd).isDirectory() ? 'directory' : 'file';
    if (kind === 'directory') mkdirSync(place);
    else writeFileSync(place, '');
    mount({ source: `/proc/self/fd/${fd}`, target: place, flags: MS.BIND | MS.REC });
    if (readOnly) makeReadOnly(place);
    return { bind: { source: place, target, readOnly }, kind };
  } finally {
    closeSync(fd);
  }
}

/**
 * Where the points really are in the tree, and the tree's layers: with a throw-away one on top that holds the missing
 * mount points, if any are missing.
 */
function withMountPoints(
  { lowers, scratch }: TreeToRunIn,
  points: readonly MountPoint[],
): { readonly lowers: readonly string[]; readonly paths: readonly string[] } {
  using tree = mountTree({ lowers, scratch: join(scratch, 'look') });
  const system = SYSTEM_POINTS.map(point => resolveMountPoint(tree.root, point));
  for (const [i, { path }] of SYSTEM_POINTS.entries()) {
    const real = system[i]?.path;
    if (real !== path) {
      throw new AshlarError(`${path} in the image is a symbolic link to ${real}`, {
        hint: 'a build cannot run in such a tree: make it a directory in the base',
      });
    }
  }
  const resolved = points.map(point => resolveMountPoint(tree.root, point));
  const paths = resolved.map(({ path }) => path);
  const missing = [...system, ...resolved].filter(point => !point.exists);
  if (missing.length === 0) return { lowers, paths };
  const layer = join(scratch, 'points');
  mkdirSync(layer);
  makeMountPoints(tree.root, layer, missing);
  return { lowers: [...lowers, layer], paths };
}

/** What the system says of a path that leads to no file. */
const NOWHERE = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/** Runtimes complain of a missing interpreter in words that name only the script. */
function explainFailure(root: string, { needs, mounts }: RunOptions): void {
  if (needs === undefined || mounts.some(({ target }) => needs.startsWith(`${target}/`))) return;
  using directory = new FileDescriptor(openAt(AT_FDCWD, root, O_PATH));
  try {
    closeSync(openIn(directory.fd, needs, O_PATH));
  } catch (error) {
    if (!NOWHERE.includes(codeOf(error) ?? '')) throw error;
    throw new AshlarError(`there is no ${needs} in the image, which should run the script`, {
      hint: 'a script may begin with #! and another interpreter; a layer without a script needs none',
    });
  }
}

/** The mounts that give a process the host's name resolution; none when the host has no resolv.conf. */
export function nameResolution(): HostMount[] {
  const source = '/etc/resolv.conf';
  return existsSync(source) ? [{ source, target: source, readOnly: true }] : [];
}
