import { AshlarError } from '../support/errors.ts';

/**
 * Seconds since 1970, from the variable that all reproducible builds use (https://reproducible-builds.org).
 * @throws AshlarError when it is set to something else.
 */
export function sourceDateEpoch(): number | undefined {
  const text = process.env.SOURCE_DATE_EPOCH;
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new AshlarError(`invalid SOURCE_DATE_EPOCH value "${text}": not a whole number of seconds`);
}
