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
  const [described, hash, changes] = await Promise.all([
    git(directory, debug, 'describe', '--tags'),
    git(directory, debug, 'rev-parse', '--verify', 'HEAD'),
    git(directory, debug, 'status', '--porcelain', '--untracked-files=no'),
  ]);
  const version = described ?? hash;
  // A bare repository has commits but no work tree to be described.
  if (version === undefined || changes === undefined) return undefined;
  return changes === '' ? version : `${version}-dirty`;
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
