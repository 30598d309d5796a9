/** What `kiwi.result.json` says of results, by what they are. */

interface Bundling {
  readonly use_for_bundle: boolean;
  readonly compress: boolean;
  readonly shasum: boolean;
}

export interface ResultEntry extends Bundling {
  readonly filename: string;
  /** Hexadecimal; KIWI has no such field. */
  readonly sha256?: string;
}

const BUNDLING: Readonly<Record<string, Bundling>> = {
  disk_image: { use_for_bundle: true, compress: true, shasum: true },
  disk_format_image: { use_for_bundle: true, compress: false, shasum: true },
  disk_format_machine_settings: { use_for_bundle: true, compress: false, shasum: false },
  filesystem_image: { use_for_bundle: true, compress: true, shasum: true },
  root_archive: { use_for_bundle: true, compress: false, shasum: true },
  container: { use_for_bundle: true, compress: false, shasum: true },
  image_packages: { use_for_bundle: true, compress: false, shasum: false },
  image_changes: { use_for_bundle: true, compress: true, shasum: false },
  image_verified: { use_for_bundle: true, compress: false, shasum: false },
};

/** A result that has been made. */
export interface MadeResult {
  readonly role: string;
  /** Absolute. */
  readonly path: string;
  readonly sha256?: string;
}

/** The entry that holds what the files of bundles are called. */
export const BUNDLE_FORMAT = 'bundle_format';

/** By their roles, sorted; what is no result for KIWI is left out. */
export function resultEntries(
  made: readonly MadeResult[],
  bundleFormat: string | undefined,
): Readonly<Record<string, ResultEntry>> {
  const hasFormat = made.some(({ role }) => role === 'disk_format_image' || role === 'container');
  const entries = made.flatMap(({ role, path, sha256 }): [string, ResultEntry][] => {
    const bundling = Object.hasOwn(BUNDLING, role) ? BUNDLING[role] : undefined;
    if (!bundling) return [];
    const use_for_bundle = bundling.use_for_bundle && !(role === 'disk_image' && hasFormat);
    return [[role, { ...bundling, use_for_bundle, filename: path, ...(sha256 !== undefined && { sha256 }) }]];
  });
  if (bundleFormat !== undefined) {
    const entry = { filename: bundleFormat, use_for_bundle: false, compress: false, shasum: false };
    entries.push([BUNDLE_FORMAT, entry]);
  }
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** As KIWI writes it: keys sorted, four blanks. */
export function resultText(made: readonly MadeResult[], bundleFormat: string | undefined): string {
  const sorted = Object.entries(resultEntries(made, bundleFormat)).map(([role, entry]) => [
    role,
    Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  ]);
  return `${JSON.stringify(Object.fromEntries(sorted), null, 4)}\n`;
}
