import { AshlarError, codeOf, type SourceSpan } from '../support/errors.ts';

/** Runs `work`; an error of it that has no place yet gets this one. */
export async function located<T>(at: SourceSpan, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AshlarError) || error.at) throw error;
    const code = codeOf(error);
    const placed = new AshlarError(error.message, { at, hint: error.hint, cause: error.cause });
    throw code === undefined ? placed : Object.assign(placed, { code });
  }
}
