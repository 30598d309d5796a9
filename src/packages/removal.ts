/** What scripts do when nothing of what is to be removed is there. */

/** Printed by the script then, and known to scripts of KIWI's users. */
export const NONE_INSTALLED = 'None of the requested packages to delete are installed';

export const NONE_INSTALLED_LINES: readonly string[] = [
  'if [ -z "$present" ]; then',
  `  echo '${NONE_INSTALLED}' >&2`,
  '  exit 1',
  'fi',
];
