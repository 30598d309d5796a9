/** Attributes of a type by their names, as what they must be. */
import type { KiwiAttribute } from '../model.ts';

type Attributes = Readonly<Record<string, KiwiAttribute>>;

export function textOf(attributes: Attributes, name: string): string | undefined {
  const value = attributes[name]?.value;
  return value === undefined ? undefined : String(value);
}

/** @throws TypeError for what the schema does not call a number: a size with a unit is none. */
export function numberOf(attributes: Attributes, name: string): number | undefined {
  const value = attributes[name]?.value;
  if (value === undefined || typeof value === 'number') return value;
  throw new TypeError(`${name} is no number`);
}

export function flagOf(attributes: Attributes, name: string): boolean | undefined {
  const value = attributes[name]?.value;
  return value === undefined ? undefined : value === true || value === 'true' || value === '1' || value === 1;
}

/** The words of a text, split at blanks. */
export function wordsOf(attributes: Attributes, name: string): readonly string[] {
  return (textOf(attributes, name) ?? '').split(/\s+/).filter(Boolean);
}
