import { AshlarError, codeOf, type SourceSpan } from '../../support/errors.ts';

/** An error that crosses to another process. `expected` tells the user's and the machine's errors from bugs. */
export interface PlainError {
  readonly expected: boolean;
  readonly message: string;
  readonly code: string | undefined;
  readonly at: SourceSpan | undefined;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

export function toPlain(error: unknown): PlainError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const { at, hint, cause } = error instanceof AshlarError ? error : {};
  const code = codeOf(error) ?? codeOf(cause);
  return { expected: error instanceof AshlarError, message, code, at, hint, stack };
}

/** The error again, of the kind it was; a system error keeps its `code`. */
export function fromPlain({ expected, message, code, at, hint, stack }: PlainError): Error {
  const error = expected ? new AshlarError(message, { at, hint }) : new Error(message);
  if (!expected && stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}
