/** What results are called. */
import { AshlarError } from '../../../support/errors.ts';
import type { KiwiDescription } from '../model.ts';

/** `Leap-VM.x86_64-1.99.1`: what the names of all results begin with. @throws AshlarError without a version. */
export function resultStem(description: KiwiDescription): string {
  const { name, architecture, preferences, at } = description;
  if (preferences.version === undefined) {
    throw new AshlarError(
      'No version is defined in any of the <preferences> sections. Please add a <version> element.',
      { at },
    );
  }
  const machine = /^i[56]86$/.test(architecture) ? 'ix86' : architecture;
  return `${name}.${machine}-${preferences.version}`;
}

/** What the tree of an image is called where names of images are in lower case. */
export function containerName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+$|^[^a-z0-9]+/g, '')
    .replace(/[._-]{2,}/g, '-');
}
