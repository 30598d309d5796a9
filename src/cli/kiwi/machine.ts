/** The machine as `uname -m` says it. */
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
