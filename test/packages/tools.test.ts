import { expect, it } from 'vitest';
import { hostPrograms, missingTool, type PackageManager } from '../../src/packages/index.ts';
import { installationOf } from '../../src/support/programs.ts';

it.each<[PackageManager, string]>([
  ['apt', 'apt install mmdebstrap | dnf install mmdebstrap'],
  ['zypper', 'apt install zypper | dnf install zypper | zypper install zypper'],
  ['dnf4', 'apt install dnf | dnf install dnf | zypper install dnf'],
  ['dnf5', 'dnf install dnf5 | zypper install dnf5'],
  ['microdnf', 'dnf install microdnf | zypper install microdnf'],
  ['apk', 'zypper install apk-tools'],
  ['pacman', 'apt install pacman-package-manager | dnf install pacman'],
])('what is missed for %s is named as for every other command', (manager, hint) => {
  const program = hostPrograms(manager).hostOnNothing;
  expect(installationOf(program)).toBe(hint);
  expect(missingTool(manager, program).hint).toBe(`${hint}; or begin with a base that has ${manager}`);
});
