/** Conflicts in words, and those that forbid a result. */
import { AshlarError, type SourceSpan } from '../support/errors.ts';
import type { Conflict, DecidedConflict } from './types.ts';

/**
 * The conflicts as lines for people, in their order; many of one kind between the same parts in one directory are
 * one line.
 */
export function conflictLines(conflicts: readonly (Conflict | DecidedConflict)[]): string[] {
  return conflicts.map(({ path, text }) => `${path}: ${text}`);
}

/** Throws an AshlarError that lists all conflicts that the rules do not allow, if there are any. */
export function refuseConflicts(conflicts: readonly DecidedConflict[], at?: SourceSpan): void {
  const refused = conflicts.filter(({ policy }) => policy === 'error');
  if (refused.length === 0) return;
  throw new AshlarError(['the parts of the stack disagree', ...conflictLines(refused)].join('\n'), { at });
}
