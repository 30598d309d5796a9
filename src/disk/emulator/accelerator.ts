/** Whether the processor can run machines itself (KVM), or each instruction is translated (TCG). */
import { accessSync, constants, readFileSync } from 'node:fs';

export type Accelerator = 'kvm' | 'tcg';

/**
 * What to try first. A /dev/kvm that opens proves nothing: without virtualization in the processor, as in many virtual
 * machines, stock guests stop in their first instructions.
 */
export function likelyAccelerator(cpuinfo = readCpuinfo()): Accelerator {
  if (failedBefore || !/^flags\s*:.*\b(?:vmx|svm)\b/m.test(cpuinfo)) return 'tcg';
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return 'kvm';
  } catch {
    // no such device, or not for this user
    return 'tcg';
  }
}

let failedBefore = false;

/** KVM did not work: it is not tried again by this process. */
export function giveUpKvm(): void {
  failedBefore = true;
}

/** What QEMU says when KVM cannot run a guest; it does not always end then. */
export const KVM_FAILURE =
  /KVM internal error|failed to set MSR|kvm_\w+: Assertion|Could not access KVM|failed to initialize kvm/i;

/** Within so many seconds the first output appears where KVM works. */
export const KVM_PATIENCE = 10;

function readCpuinfo(): string {
  return readFileSync('/proc/cpuinfo', 'utf8');
}
