/** Machines as `uname -m` says them. */
import { type Platform, parsePlatform } from '../../oci/index.ts';

const NAMES: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  ia32: 'i686',
  arm64: 'aarch64',
  arm: 'armv7l',
  ppc64: 'ppc64le',
  loong64: 'loongarch64',
};

/** This one. */
export function machineArchitecture(): string {
  return NAMES[process.arch] ?? process.arch;
}

export function platformOf(architecture: string): Platform {
  if (/^(?:i[3-6]86|ix86)$/.test(architecture)) return parsePlatform('386');
  const arm = /^armv(\d)/.exec(architecture)?.[1];
  return parsePlatform(arm === undefined ? architecture : `linux/arm/v${arm}`);
}
