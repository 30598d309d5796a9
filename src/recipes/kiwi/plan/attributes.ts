/** Attributes of a type by their names, as what they must be. */
import type { KiwiAttribute } from '../model.ts';

type Attributes = Readonly<Record<string, KiwiAttribute>>;

export function textOf(attributes: Attributes, name: string): string | undefined {
  const value = attributes[name]?.value;
  return value === undefined ? undefined : String(value);
}

export function numberOf(attributes: Attributes, name: string): number | undefined {
  const value = attributes[name]?.value;
  return value === undefined ? undefined : Number(value);
}

export function flagOf(attributes: Attributes, name: string): boolean | undefined {
  const value = attributes[name]?.value;
  return value === undefined ? undefined : value === true || value === 'true' || value === '1' || value === 1;
}

/** The words of a text, split at blanks. */
export function wordsOf(attributes: Attributes, name: string): readonly string[] {
  return (textOf(attributes, name) ?? '').split(/\s+/).filter(Boolean);
}
