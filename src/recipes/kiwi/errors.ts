import { AshlarError, type AshlarErrorOptions, AshlarErrors } from '../../support/errors.ts';

/** What KIWI calls the mistakes that scripts look for. */
export type KiwiMistake =
  | 'KiwiConfigFileNotFound'
  | 'KiwiConfigFileFormatNotSupported'
  | 'KiwiDescriptionInvalid'
  | 'KiwiIncludeFileNotFound'
  | 'KiwiProfileNotFound'
  | 'KiwiTypeNotFound';

/** A mistake in KIWI's words: its class and then its text. */
export class KiwiError extends AshlarError {
  readonly mistake: KiwiMistake;

  constructor(mistake: KiwiMistake, text: string, options?: AshlarErrorOptions) {
    super(`${mistake}: ${text}`, options);
    this.mistake = mistake;
  }
}

// Nobody reads more at a time.
const MAX_SHOWN = 50;

/** All that is wrong with a description, in the order of the text. */
export function invalidDescription(errors: readonly AshlarError[]): AshlarErrors {
  const sum = 'KiwiDescriptionInvalid: Failed to validate schema and/or schematron rules.';
  const count = errors.length === 1 ? '1 error' : `${errors.length} errors`;
  const shown = errors.length > MAX_SHOWN ? `${count}, of which the first ${MAX_SHOWN} are shown` : count;
  return new AshlarErrors(`${sum} ${shown}`, errors.slice(0, MAX_SHOWN));
}
