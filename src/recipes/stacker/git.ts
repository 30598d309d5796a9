import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../../support/errors.ts';
import { runProgram } from '../../support/process.ts';

/**
 * What git calls the state of the work tree that holds the directory: `git describe --tags`, else the full hash, with
 * `-dirty` appended when tracked files were changed. Undefined outside of a work tree, before the first commit, and
 * where git is not installed.
 */
export async function gitVersion(
  directory: string,
  debug: (message: string) => void,
): Promise<string | undefined> {
  // Starting a program costs more than the rest of a build that finds everything in its cache.
  if (!isBelowRepository(directory)) return undefined;
  const [revision, changes] = await Promise.all([
    revisionIn(directory, debug),
    // Not `describe --dirty`, which writes to the index even when it is told not to.
    git(directory, debug, 'status', '--porcelain', '--untracked-files=no'),
  ]);
  if (revision === undefined || changes === undefined) return undefined;
  return changes === '' ? revision : `${revision}-dirty`;
}

async function revisionIn(directory: string, debug: (message: string) => void): Promise<string | undefined> {
  return (
    (await git(directory, debug, 'describe', '--tags')) ??
    git(directory, debug, 'rev-parse', '--verify', 'HEAD')
  );
}

function isBelowRepository(directory: string): boolean {
  if (process.env.GIT_DIR !== undefined || existsSync(join(directory, '.git'))) return true;
  const parent = dirname(directory);
  return parent !== directory && isBelowRepository(parent);
}

async function git(
  directory: string,
  debug: (message: string) => void,
  ...args: readonly string[]
): Promise<string | undefined> {
  try {
    // Looking must neither take the lock of the index nor start what the repository names as its file watcher.
    const { status, stdout, stderr } = await runProgram('git', ['-c', 'core.fsmonitor=false', ...args], {
      cwd: directory,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    });
    if (status === 0) return stdout.trim();
    debug(`git ${args.join(' ')} in ${directory}: ${stderr.trim()}`);
  } catch (error) {
    debug(`git cannot be run: ${messageOf(error)}`);
  }
  return undefined;
}
