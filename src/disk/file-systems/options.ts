/** Words that a description gives for the programs that make file systems. */
import { AshlarError } from '../../support/errors.ts';

/**
 * The words, each option with its value in a word of its own. Descriptions come from strangers: an option that names
 * files, or places that are ours to choose, is not let through.
 * @param known Letters of options that take a value, and of those that do not.
 * @throws AshlarError for all others.
 */
export function readOptions(
  program: string,
  words: readonly string[],
  known: { readonly withValue: string; readonly alone: string },
): readonly (readonly [option: string, value?: string])[] {
  const read: (readonly [string, string?])[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const option = word.slice(0, 2);
    const letter = /^-[A-Za-z]/.test(word) ? word.slice(1, 2) : ' ';
    if (known.withValue.includes(letter)) {
      const value = word.length > 2 ? word.slice(2) : words[++i];
      if (value === undefined) throw new AshlarError(`the option ${option} of ${program} has no value`);
      read.push([option, value]);
    } else if (known.alone.includes(letter) && word.length === 2) {
      read.push([option]);
    } else {
      throw new AshlarError(`the option ${word} of ${program} cannot be used here`, {
        hint: `what can be: ${[...known.withValue, ...known.alone].map(one => `-${one}`).join(' ')}`,
      });
    }
  }
  return read;
}

/** The same as words again. */
export function asWords(options: readonly (readonly [option: string, value?: string])[]): readonly string[] {
  return options.flatMap(([option, value]) => (value === undefined ? [option] : [option, value]));
}
