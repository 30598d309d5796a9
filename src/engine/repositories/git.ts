/** git, kept from asking anybody, from running what a repository brings, and from protocols that run programs. */
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';

export interface GitOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What a git that we were started by has told us of its own repository. */
const OF_ANOTHER_REPOSITORY = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
];

const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.askPass=',
  // Files are what the repository says, whatever the user likes in work trees of his own.
  'core.autocrlf=false',
  'core.eol=lf',
  'core.symlinks=true',
  // A server from which nothing has come for a minute is gone.
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
  // Nothing of ours goes on in the background.
  'gc.auto=0',
  'maintenance.auto=false',
].flatMap(setting => ['-c', setting]);

/** Arguments of git in a bare repository. */
export function inRepository(directory: string, ...args: readonly string[]): readonly string[] {
  return [`--git-dir=${directory}`, ...args];
}

/** Runs git; returns its output. @throws GitError when it fails. */
export async function git(
  args: readonly string[],
  { environment, signal }: GitOptions,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = findProgram('git', environment.PATH);
  if (program === undefined) {
    throw new AshlarError('repositories are fetched with git, which is not installed', {
      hint: 'apt install git | dnf install git | zypper install git-core',
    });
  }
  const env: Record<string, string | undefined> = {
    ...environment,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: undefined,
    SSH_ASKPASS: undefined,
    GIT_ALLOW_PROTOCOL: 'https:ssh:git:file',
    ...more,
  };
  for (const name of OF_ANOTHER_REPOSITORY) if (!(name in more)) env[name] = undefined;
  // Modes of what is checked out must not depend on who calls us.
  const shell = ['-c', 'umask 022 && exec "$@"', 'sh', program, ...SETTINGS, ...args];
  // Without a terminal ssh has nobody to ask.
  const { status, stdout, stderr } = await runProgram('/bin/sh', shell, { env, signal, detached: true });
  if (status !== 0) throw new GitError(stderr.trim() || `git ended with status ${status}`);
  return stdout;
}

/** git ran, and could not do it: the message is its own. */
export class GitError extends AshlarError {}
