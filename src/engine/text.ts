/** Texts of a plan in which variables of the image stand. Pure functions. */
import type { Text, Variable } from '../plan/types.ts';

/** What texts see, by name. */
export type Variables = ReadonlyMap<string, string>;

/** A text with the values of its variables; nothing stands for those that are not set. */
export function expandText(text: Text, variables: Variables): string {
  if (typeof text === 'string') return text;
  return text.map(piece => (typeof piece === 'string' ? piece : expandVariable(piece, variables))).join('');
}

function expandVariable({ variable, otherwise, instead }: Variable, variables: Variables): string {
  const value = variables.get(variable);
  const counts = (alsoEmpty: boolean) => value !== undefined && !(alsoEmpty && value === '');
  if (instead) return counts(instead.alsoEmpty) ? expandText(instead.text, variables) : '';
  if (otherwise && !counts(otherwise.alsoEmpty)) return expandText(otherwise.text, variables);
  return value ?? '';
}
