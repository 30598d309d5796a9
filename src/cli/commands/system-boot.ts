/** `system boot`: starts a disk and tells whether it does what is expected of it. */
import { type BootVerdict, bootDisk } from '../../disk/emulator/index.ts';
import { printable } from '../../support/cells.ts';
import { AshlarError } from '../../support/errors.ts';
import { interruptible } from '../interruption.ts';
import type { KiwiGlobals } from '../kiwi/globals.ts';
import { SystemUsageError } from '../kiwi/usage.ts';
import { openLog } from '../log.ts';

export interface SystemBootFlags {
  readonly expect?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly firmware: 'bios' | 'uefi';
  /** Bytes. */
  readonly memory: number;
  readonly json?: true;
}

const MIB = 2 ** 20;
/** Less than that no kernel of today unpacks itself in. */
const LEAST_MEMORY = 128;

/** Prints the console while the machine runs, and the verdict at the end. @throws AshlarError when it is not passed */
export async function systemBoot(
  { ashlar }: KiwiGlobals,
  disk: string,
  { expect, timeout, firmware, memory, json }: SystemBootFlags,
): Promise<void> {
  if (expect === '') throw new SystemUsageError('--expect needs a text');
  if (timeout <= 0) throw new SystemUsageError('--timeout must be more than 0');
  const mebibytes = Math.floor(memory / MIB);
  if (mebibytes < LEAST_MEMORY) throw new SystemUsageError(`--memory must be ${LEAST_MEMORY}MiB or more`);
  const log = openLog(ashlar);
  const output = json ? process.stderr : process.stdout;
  using interruption = interruptible();
  const verdict = await bootDisk({
    disk,
    ...(expect === undefined ? {} : { expect }),
    timeout,
    firmware,
    memory: mebibytes,
    onLine: line => {
      if (!ashlar.quiet) output.write(`${printable(line)}\n`);
    },
    signal: interruption.signal,
  });
  if (json) process.stdout.write(`${JSON.stringify(verdict, null, 2)}\n`);
  if (!verdict.passed) throw new AshlarError(summaryOf(verdict));
  log('info', summaryOf(verdict));
}

function summaryOf({ passed, expected, seconds, firmware, accelerator, reason }: BootVerdict): string {
  const how = `${firmware === 'uefi' ? 'UEFI' : 'BIOS'}, ${accelerator === 'kvm' ? 'KVM' : 'TCG'}`;
  const text = JSON.stringify(expected);
  return passed
    ? `the machine said ${text} after ${seconds} s (${how})`
    : `the machine did not say ${text}: ${reason} (${how})`;
}
