/** A machine that runs until it ends, says what is waited for, or takes too long. */
import { spawn } from 'node:child_process';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { requireProgram } from '../../support/programs.ts';
import { type Accelerator, giveUpKvm, KVM_FAILURE, KVM_PATIENCE, likelyAccelerator } from './accelerator.ts';
import { type Machine, QEMU, qemuArguments } from './qemu.ts';

export interface MachineOptions extends Omit<Machine, 'accelerator'> {
  /** Chosen by what works when absent. */
  readonly accelerator?: Accelerator;
  /** Seconds. */
  readonly timeout: number;
  /** Takes what the machine says; `true` ends it, once the line has had time to end. `seconds` since it was started. */
  readonly onOutput: (bytes: Uint8Array, seconds: number) => boolean;
  readonly signal: AbortSignal;
}

/** Milliseconds for the rest of a line. */
const LAST_WORDS = 300;

export interface MachineRun {
  readonly accelerator: Accelerator;
  readonly end: 'stopped by us' | 'ended itself' | 'timeout';
  readonly seconds: number;
}

/**
 * Runs a machine and returns how it ended; no process is left.
 * @throws AshlarError when there is no QEMU, or it cannot start the machine; the signal's reason when that is aborted.
 */
export async function runMachine(options: MachineOptions): Promise<MachineRun> {
  const accelerator = options.accelerator ?? likelyAccelerator();
  const attempt = await tryMachine(options, accelerator);
  if (attempt !== 'no KVM') return attempt;
  giveUpKvm();
  const second = await tryMachine(options, 'tcg');
  if (second === 'no KVM') throw new AshlarError('QEMU speaks of KVM although it does not use it');
  return second;
}

async function tryMachine(
  { timeout, onOutput, signal, ...machine }: MachineOptions,
  accelerator: Accelerator,
): Promise<MachineRun | 'no KVM'> {
  const program = requireProgram(QEMU, 'a machine that starts a disk');
  signal.throwIfAborted();
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 10) / 100;
  await using qemu = new Qemu(program, qemuArguments({ ...machine, accelerator }));
  let end: MachineRun['end'] = 'ended itself';
  let [heard, satisfied] = [false, false];
  const stopFor = (reason: MachineRun['end']) => {
    end = reason;
    qemu.kill();
  };
  const timers = [setTimeout(() => stopFor('timeout'), timeout * 1000)];
  const usesKvm = accelerator === 'kvm';
  let kvmFailed = false;
  const withoutKvm = () => {
    kvmFailed = true;
    qemu.kill();
  };
  if (usesKvm) timers.push(setTimeout(() => heard || withoutKvm(), KVM_PATIENCE * 1000));
  const interrupt = () => qemu.kill();
  signal.addEventListener('abort', interrupt);
  try {
    qemu.onOutput(bytes => {
      heard = true;
      if (end !== 'ended itself' || !onOutput(bytes, seconds()) || satisfied) return;
      satisfied = true;
      timers.push(setTimeout(() => stopFor('stopped by us'), LAST_WORDS));
    });
    qemu.onComplaint(text => {
      if (usesKvm && KVM_FAILURE.test(text)) withoutKvm();
    });
    const status = await qemu.ended;
    signal.throwIfAborted();
    if (kvmFailed) return 'no KVM';
    if (end === 'ended itself' && status !== 0) {
      throw new AshlarError(`${QEMU} ended with ${status}`, { cause: new Error(qemu.complaints.trim()) });
    }
    return { accelerator, end, seconds: seconds() };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
  }
}

/** Complaints are short; what goes on and on is cut. */
const MOST_COMPLAINTS = 64 * 1024;

class Qemu implements AsyncDisposable {
  /** The exit code; undefined after a signal. */
  readonly ended: Promise<number | undefined>;
  complaints = '';
  readonly #child;

  constructor(program: string, args: readonly string[]) {
    // The kernel ends it where nobody of us can any more.
    const guard = findProgram('setpriv');
    const words = [...(guard === undefined ? [] : [guard, '--pdeathsig', 'KILL']), program, ...args];
    this.#child = spawn(words[0] ?? program, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', code => resolve(code ?? undefined));
    });
    // Looked at by whoever waits.
    this.ended.catch(() => {});
  }

  onOutput(take: (bytes: Uint8Array) => void): void {
    this.#child.stdout.on('data', take);
  }

  onComplaint(look: (text: string) => void): void {
    this.#child.stderr.on('data', (bytes: Buffer) => {
      this.complaints = (this.complaints + bytes.toString()).slice(0, MOST_COMPLAINTS);
      look(this.complaints);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended.catch(() => {});
  }
}
