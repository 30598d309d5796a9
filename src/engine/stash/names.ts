/** Names of stashes: a component of a repository's name, so that every registry and engine takes it. */
import { AshlarError, type SourceSpan } from '../../support/errors.ts';

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

export interface StashName {
  readonly name: string;
  /** The newest state of the stash when absent. */
  readonly tag?: string;
}

/** @throws AshlarError */
export function checkStashName(name: string, at?: SourceSpan): string {
  if (NAME.test(name) && name.length <= 128) return name;
  throw new AshlarError(`Image name '${name}' cannot be used as container name`, {
    at,
    hint: 'a name has lower-case letters and digits, and single . _ or - between them; --container-name gives one',
  });
}

/** @throws AshlarError */
export function checkStashTag(tag: string): string {
  if (TAG.test(tag)) return tag;
  throw new AshlarError(`"${tag}" cannot be the tag of an image`, {
    hint: 'a tag has letters, digits, _ . - and at most 128 characters, the first no . or -',
  });
}

/** Reads `name` or `name:tag`, with capitals, which KIWI takes. Undefined for what cannot be the name of a stash. */
export function parseStashName(text: string): StashName | undefined {
  const [name = '', tag, ...rest] = text.split(':');
  if (rest.length > 0 || !NAME.test(name.toLowerCase())) return undefined;
  if (tag === undefined) return { name };
  return TAG.test(tag) ? { name, tag } : undefined;
}
