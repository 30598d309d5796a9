/** Errors of system calls are about the user's machine or input, never about a bug. */
import { AshlarError, codeOf, messageOf } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';

/** The error as an AshlarError if a system call failed (`ENOSPC`, ...), else as it is. */
export function explain(error: unknown, hint?: (code: string) => string | undefined): unknown {
  const code = codeOf(error);
  // Node's own errors have codes with underscores.
  if (error instanceof AshlarError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  return new AshlarError(messageOf(error), { cause: error, hint: hint?.(code) });
}

/** What is said of a file of a tree that a system call has refused. */
export function unreadable(path: ByteString, cause: unknown): AshlarError {
  return new AshlarError(`cannot read ${quote(path)} (${codeOf(cause) ?? messageOf(cause)})`, { cause });
}
