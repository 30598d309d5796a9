/** The UEFI firmware that QEMU starts disks with. */
import { existsSync } from 'node:fs';
import { AshlarError } from '../../support/errors.ts';

export interface UefiFirmware {
  readonly code: string;
  /** An empty store of variables, to be copied. */
  readonly variables: string;
}

/** Debian, Fedora, openSUSE, Arch; without keys for Secure Boot. */
const PLACES: readonly (readonly [code: string, variables: string])[] = [
  ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
  ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
  ['/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
  ['/usr/share/qemu/ovmf-x86_64-4m-code.bin', '/usr/share/qemu/ovmf-x86_64-4m-vars.bin'],
  ['/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'],
  ['/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
];

/** @throws AshlarError when there is none here. */
export function findUefiFirmware(): UefiFirmware {
  for (const [code, variables] of PLACES) {
    if (existsSync(code) && existsSync(variables)) return { code, variables };
  }
  throw new AshlarError('cannot find the UEFI firmware OVMF, which disks are started with', {
    hint: 'apt install ovmf | dnf install edk2-ovmf | zypper install qemu-ovmf-x86_64',
  });
}
