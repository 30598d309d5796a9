import { describe, expect, it } from 'vitest';
import { packageDifferences } from '../../../src/engine/images/package-difference.ts';
import type { InstalledPackage, PackageManager } from '../../../src/stacking/index.ts';

function packages(manager: PackageManager, ...texts: readonly string[]): readonly InstalledPackage[] {
  return texts.map(text => {
    const [name = '', version = '', architecture = ''] = text.split(' ');
    return { manager, name, version, architecture };
  });
}

describe('the differences of packages', () => {
  it('say what was installed, removed, upgraded and downgraded, as the manager orders versions', () => {
    const before = packages('dpkg', 'a 1.0', 'b 1.0', 'c 1.0~rc1', 'd 1.10', 'same 1');
    const after = packages('dpkg', 'b 1.0-1', 'c 1.0', 'd 1.9', 'new 2', 'same 1');
    expect(packageDifferences(before, after)).toEqual([
      { manager: 'dpkg', name: 'a', change: 'removed', before: '1.0' },
      { manager: 'dpkg', name: 'b', change: 'upgraded', before: '1.0', after: '1.0-1' },
      { manager: 'dpkg', name: 'c', change: 'upgraded', before: '1.0~rc1', after: '1.0' },
      { manager: 'dpkg', name: 'd', change: 'downgraded', before: '1.10', after: '1.9' },
      { manager: 'dpkg', name: 'new', change: 'installed', after: '2' },
    ]);
  });

  it('name the architecture where a package is there for several', () => {
    expect(
      packageDifferences(
        packages('dpkg', 'libc6 1 amd64'),
        packages('dpkg', 'libc6 1 amd64', 'libc6 1 i386'),
      ),
    ).toEqual([{ manager: 'dpkg', name: 'libc6:i386', change: 'installed', after: '1' }]);
  });

  it('show all versions where several are installed', () => {
    expect(packageDifferences(packages('rpm', 'kernel 1'), packages('rpm', 'kernel 2', 'kernel 1'))).toEqual([
      { manager: 'rpm', name: 'kernel', change: 'changed', before: '1', after: '1, 2' },
    ]);
  });

  it('keep managers apart', () => {
    expect(
      packageDifferences(packages('apk', 'a 1'), packages('rpm', 'a 1')).map(({ change }) => change),
    ).toEqual(['removed', 'installed']);
  });
});
