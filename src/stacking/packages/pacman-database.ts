/** pacman's database of installed packages: a directory `<name>-<version>-<release>` of each. */
import type { TreeView } from '../merger.ts';

export const PACMAN_LOCAL = '/var/lib/pacman/local';

/** The file there that has the version of its form. */
export const PACMAN_FORM = 'ALPM_DB_VERSION';

export interface PacmanPackage {
  readonly name: string;
  /** `[epoch:]version-release`. */
  readonly version: string;
  /** Absolute. */
  readonly directory: string;
}

/** In the order of their directories. */
export function pacmanPackages(tree: TreeView): readonly PacmanPackage[] {
  return tree.list(PACMAN_LOCAL).flatMap(directory => {
    const [, name, version] = /^(.+)-([^-]+-[^-]+)$/.exec(directory) ?? [];
    if (name === undefined || version === undefined) return [];
    return { name, version, directory: `${PACMAN_LOCAL}/${directory}` };
  });
}

/** A value of a package's description, which has a line `%NAME%` and then the value; empty where it is not said. */
export function pacmanField(description: Uint8Array, name: string): string {
  const lines = Buffer.from(description).toString('utf8').split('\n');
  return lines[lines.indexOf(`%${name}%`) + 1] ?? '';
}
