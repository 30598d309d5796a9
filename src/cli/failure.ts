import { AshlarError, AshlarErrors, codeOf } from '../support/errors.ts';
import { Interruption } from './interruption.ts';

/** A command line that makes no sense. */
export class UsageError extends AshlarError {
  /** The exit code. */
  readonly status: number = 1;
}

/** What the machine refuses: no bug of ours, though nobody wrote a message of their own for it. */
const MACHINE = new Set([
  'ENOSPC',
  'EDQUOT',
  'EACCES',
  'EPERM',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EIO',
  'ENOTDIR',
  'EISDIR',
]);

const FREE_SPACE =
  'free some space (ashlar gc removes from the store what nobody needs), or put --store or --oci-dir on another disk';

/** What helps against some of them. */
const CURES: Readonly<Record<string, string>> = {
  ENOSPC: FREE_SPACE,
  EDQUOT: FREE_SPACE,
  EACCES: 'look at owner and mode of it and of the directories above: this user may not do that there',
  EROFS: 'that file system is mounted read-only: choose another directory',
  EMFILE: 'this process may not open more files: raise the limit with ulimit -n, or use fewer --jobs',
  ENOMEM: 'memory ran out: use fewer --jobs',
  EIO: 'the disk does not work as it should: see dmesg',
};

/** Prints what went wrong, once, and returns the exit code. */
export async function fail(error: unknown): Promise<number> {
  // commander has printed its message (or the help that was asked for) itself.
  if (isCommanderError(error)) return error.exitCode;
  if (error instanceof Interruption) {
    process.stderr.write('error: interrupted\n');
    return 130;
  }
  const { renderError } = await import('../support/excerpt.ts');
  const color = process.stderr.isTTY === true && !process.env.NO_COLOR;
  const refusal = machineCode(error);
  if (error instanceof AshlarError || (error instanceof Error && refusal !== undefined)) {
    const { at, hint, cause } = error instanceof AshlarError ? error : {};
    const shown =
      error instanceof AshlarErrors
        ? error
        : new AshlarError(error.message, { at, hint: hint ?? CURES[refusal ?? ''], cause });
    process.stderr.write(`${renderError(shown, { color }).trimEnd()}\n`);
    return error instanceof UsageError ? error.status : 1;
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`error: this is a bug in ashlar, please report it with what follows\n${details}\n`);
  return 1;
}

/** The code of what the machine refused, if that is what an error or one of its causes is about. */
function machineCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Programs that we start have only words for it.
  if (/no space left on device/i.test(error.message)) return 'ENOSPC';
  const code = codeOf(error);
  return code !== undefined && MACHINE.has(code) ? code : machineCode(error.cause);
}

function isCommanderError(error: unknown): error is Error & { readonly exitCode: number } {
  return error instanceof Error && codeOf(error)?.startsWith('commander.') === true && 'exitCode' in error;
}
