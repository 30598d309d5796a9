import { canBeTag } from '../oci/index.ts';
import { UsageError } from './failure.ts';

/** @throws UsageError for what cannot be the name of an image that a command makes. */
export function checkResultName(name: string): void {
  if (canBeTag(name)) return;
  throw new UsageError(`"${name}" cannot be the name of an image`, {
    hint: 'use at most 128 letters, digits, ".", "_" and "-", beginning with a letter, a digit or "_"',
  });
}
