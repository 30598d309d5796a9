/** What stacker's own scripts and tests call; not meant for people. */
import {
  chmodSync,
  cpSync,
  lchownSync,
  lstatSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { probeAbilities } from '../../engine/index.ts';
import { copyImage, type ImageReference, parseReference } from '../../oci/index.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { wantsProgress } from '../progress.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';

/** What `testsuite-check-overlay` ends with where overlay mounts do not work: other errors are 1. */
const NO_OVERLAY = 50;

/** Copies an image (of several platforms: this machine's) from a registry or layout to another. */
export async function copy(globals: GlobalFlags, words: readonly string[]): Promise<void> {
  const [from, to] = two(words);
  const shows = wantsProgress(globals, process.stderr);
  using interruption = interruptible();
  await copyImage(referenceOf(from), referenceOf(to), {
    signal: interruption.signal,
    ...(shows && { onBlob: ({ digest }) => process.stderr.write(`Copying blob ${digest}\n`) }),
  });
}

/** Names of Docker Hub without `docker://` are not for scripts. */
function referenceOf(text: string): ImageReference {
  const scheme = text.split(':', 1)[0];
  if (scheme !== 'docker' && scheme !== 'oci')
    throw new UsageError(`unknown url scheme ${scheme} for ${text}`);
  return parseReference(text);
}

/** Copies a file, link or directory: `to` is its new name, never a directory to put it into. */
export function copyFile(words: readonly string[]): void {
  const [from, to] = two(words);
  onDisk(`copy ${from} to ${to}`, () => {
    if (!lstatSync(from).isSymbolicLink())
      return cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    // It may lead nowhere, which cpSync does not like.
    rmSync(to, { force: true });
    symlinkSync(readlinkSync(from), to);
  });
}

/** @param words An octal mode and a file. */
export function changeMode(words: readonly string[]): void {
  const [mode, path] = two(words);
  if (!/^[0-7]{1,4}$/.test(mode)) throw new UsageError(`not an octal mode: ${mode}`);
  const status = statusOf(path);
  if (status.isDirectory() || status.isSymbolicLink()) throw new UsageError(`${path} is not a file`);
  onDisk(`change the mode of ${path}`, () => chmodSync(path, Number.parseInt(mode, 8)));
}

/** @param words `uid` or `uid:gid`, and a file or link. */
export function changeOwner(words: readonly string[]): void {
  const [owner, path] = two(words);
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(owner) ?? [];
  if (uid === undefined) throw new UsageError(`not an owner: ${owner}`, { hint: 'write uid or uid:gid' });
  const status = statusOf(path);
  if (status.isDirectory()) throw new UsageError(`${path} is not a file`);
  onDisk(`change the owner of ${path}`, () => lchownSync(path, Number(uid), Number(gid ?? status.gid)));
}

/** Sets the exit code 50 where overlay mounts do not work. */
export async function checkOverlay(globals: GlobalFlags): Promise<void> {
  const { store } = await readSettings(globals);
  const log = openLog(globals);
  const problem = await overlayProblem(store);
  if (problem === undefined) return;
  log('info', problem);
  process.exitCode = NO_OVERLAY;
}

async function overlayProblem(store: string): Promise<string | undefined> {
  try {
    return (await probeAbilities(store, () => {})).overlayProblem;
  } catch (error) {
    // Not even namespaces of our own.
    if (error instanceof AshlarError) return error.message;
    throw error;
  }
}

/** @param words `mount`, a tag of the OCI layout and a directory, or `umount` and a directory. */
export async function atomfs(globals: GlobalFlags, words: readonly string[]): Promise<void> {
  const [action, ...rest] = words;
  const { mount, unmount } = await import('./mount.ts');
  switch (action) {
    case 'mount': {
      const [tag, directory] = two(rest);
      return mount(globals, tag, directory, {});
    }
    case 'umount': {
      const [directory, more] = rest;
      if (directory === undefined || more !== undefined) throw new UsageError('wrong number of args');
      return unmount(globals, directory);
    }
    default:
      throw new UsageError(`atomfs does not know the action ${action}`, {
        hint: 'there are mount and umount',
      });
  }
}

function two(words: readonly string[]): readonly [string, string] {
  const [first, second] = words;
  if (first === undefined || second === undefined || words.length > 2)
    throw new UsageError('wrong number of args');
  return [first, second];
}

function statusOf(path: string): Stats {
  return onDisk(`look at ${path}`, () => lstatSync(path));
}

function onDisk<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new AshlarError(`cannot ${what}: ${messageOf(cause)}`, { cause });
  }
}
