import { AshlarError, codeOf } from '../support/errors.ts';

/** A command line that makes no sense. */
export class UsageError extends AshlarError {}

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

/** Prints what went wrong, once, and returns the exit code. */
export async function fail(error: unknown): Promise<number> {
  // commander has printed its message (or the help that was asked for) itself.
  if (isCommanderError(error)) return error.exitCode;
  if (isInterruption(error)) {
    process.stderr.write('error: interrupted\n');
    return 130;
  }
  const { renderError } = await import('../support/excerpt.ts');
  const color = process.stderr.isTTY === true && !process.env.NO_COLOR;
  if (error instanceof AshlarError) {
    process.stderr.write(`${renderError(error, { color }).trimEnd()}\n`);
    return 1;
  }
  const code = codeOf(error);
  if (error instanceof Error && code !== undefined && MACHINE.has(code)) {
    const hint = code === 'ENOSPC' ? 'free some space, or put --store on another disk' : undefined;
    process.stderr.write(`${renderError(new AshlarError(error.message, { hint }), { color }).trimEnd()}\n`);
    return 1;
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`error: this is a bug in ashlar, please report it with what follows\n${details}\n`);
  return 1;
}

function isCommanderError(error: unknown): error is Error & { readonly exitCode: number } {
  return error instanceof Error && codeOf(error)?.startsWith('commander.') === true && 'exitCode' in error;
}

function isInterruption(error: unknown): boolean {
  return error instanceof Error && error.name === 'Interruption';
}
