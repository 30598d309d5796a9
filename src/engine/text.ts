/** Texts of a plan in which variables of the image stand. Pure functions. */
import type { Text, Variable } from '../plan/types.ts';
import { AshlarError } from '../support/errors.ts';

/** What texts see, by name. */
export type Variables = ReadonlyMap<string, string>;

/** Characters. What doubles itself in each of a few dozen lines must not fill the memory. */
const LONGEST = 1024 ** 2;

/**
 * A text with the values of its variables; nothing stands for those that are not set.
 * @throws AshlarError when it becomes too long.
 */
export function expandText(text: Text, variables: Variables): string {
  if (typeof text === 'string') return text;
  let expanded = '';
  for (const piece of text) {
    expanded += typeof piece === 'string' ? piece : expandVariable(piece, variables);
    if (expanded.length > LONGEST)
      throw new AshlarError(`a value with variables has more than ${LONGEST} characters`);
  }
  return expanded;
}

function expandVariable({ variable, otherwise, instead }: Variable, variables: Variables): string {
  const value = variables.get(variable);
  const counts = (alsoEmpty: boolean) => value !== undefined && !(alsoEmpty && value === '');
  if (instead) return counts(instead.alsoEmpty) ? expandText(instead.text, variables) : '';
  if (otherwise && !counts(otherwise.alsoEmpty)) return expandText(otherwise.text, variables);
  return value ?? '';
}
