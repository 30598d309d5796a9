/** Package managers, and which of two versions is the newer one for each of them. */
import { compareApkVersions } from './apk-version.ts';
import { compareDpkgVersions } from './dpkg-version.ts';
import { comparePacmanVersions } from './pacman-version.ts';
import { compareRpmVersions } from './rpm-version.ts';

export type PackageManager = 'dpkg' | 'rpm' | 'apk' | 'pacman';

/** Negative where `a` is the older one, positive where it is the newer one, 0 where the manager takes them as equal. */
export function compareVersions(manager: PackageManager, a: string, b: string): number {
  switch (manager) {
    case 'dpkg':
      return compareDpkgVersions(a, b);
    case 'rpm':
      return compareRpmVersions(a, b);
    case 'apk':
      return compareApkVersions(a, b);
    case 'pacman':
      return comparePacmanVersions(a, b);
  }
}
