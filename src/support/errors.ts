/** A place in a text that a user wrote. Lines and columns count from 1; `length` is in characters. */
export interface SourceSpan {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length?: number;
  /** The whole line, of texts that are no files to be looked at again. */
  readonly lineText?: string;
}

export interface AshlarErrorOptions {
  /** Where in the user's text the mistake is. */
  readonly at?: SourceSpan | undefined;
  /** What the user can do about it, as one sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * An error that is about the user's input or machine, not about a bug in ashlar: it carries what failed (the
 * message), where (`at`), why (`cause`) and what to do (`hint`). The command line prints it without a stack trace.
 */
export class AshlarError extends Error {
  override readonly name: string = 'AshlarError';
  readonly at: SourceSpan | undefined;
  readonly hint: string | undefined;

  constructor(message: string, options: AshlarErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.at = options.at;
    this.hint = options.hint;
  }
}

/** Several errors that were found together, in the order in which they are shown; the message sums them up. */
export class AshlarErrors extends AshlarError {
  override readonly name = 'AshlarErrors';
  readonly errors: readonly AshlarError[];

  constructor(message: string, errors: readonly AshlarError[]) {
    super(message);
    this.errors = errors;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node.js or system error (`'ENOENT'`), if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The causes of an error, from the nearest on, and those of the causes. Each comes once. */
export function* causesOf(error: Error): Generator<unknown> {
  const seen = new Set<unknown>([error]);
  const pending = [error.cause];
  while (pending.length > 0) {
    const cause = pending.shift();
    if (cause === undefined || seen.has(cause)) continue;
    seen.add(cause);
    yield cause;
    if (cause instanceof AggregateError) pending.push(...cause.errors);
    if (cause instanceof Error) pending.push(cause.cause);
  }
}
