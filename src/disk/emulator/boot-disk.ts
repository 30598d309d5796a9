/** Starts a disk and says whether it does what is expected of it. The disk stays as it is. */
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { runProgram } from '../../support/process.ts';
import { requireProgram } from '../../support/programs.ts';
import type { Accelerator } from './accelerator.ts';
import { Console, type Milestone } from './console.ts';
import { findUefiFirmware } from './firmware.ts';
import { runMachine } from './machine.ts';
import type { Start } from './qemu.ts';

export interface BootOptions {
  /** Raw, qcow2, vmdk, vdi, vhd, vhdx: as its content says. */
  readonly disk: string;
  /** The login prompt when absent. */
  readonly expect?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly firmware: 'bios' | 'uefi';
  /** Mebibytes. */
  readonly memory: number;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface BootVerdict {
  readonly passed: boolean;
  readonly firmware: 'bios' | 'uefi';
  readonly accelerator: Accelerator;
  /** What was waited for: a text, or the login prompt. */
  readonly expected: string;
  readonly seconds: number;
  readonly milestones: readonly Milestone[];
  /** Why it did not pass: `timeout`, or that the machine ended itself. */
  readonly reason?: string;
  /** What was said last. */
  readonly lastLines: readonly string[];
}

const LAST_LINES = 20;

/** @throws AshlarError when the machine cannot be started at all. */
export async function bootDisk(options: BootOptions): Promise<BootVerdict> {
  const { disk, expect, firmware, memory, timeout, signal } = options;
  using scratch = temporaryDirectory();
  const overlay = join(scratch.path, 'overlay.qcow2');
  await makeOverlay(disk, overlay);
  const console = new Console(expect, options.onLine);
  const isThere = () =>
    expect === undefined ? console.milestones.some(({ name }) => name === 'login') : console.found;
  const run = await runMachine({
    start: startOf(firmware, scratch.path),
    disk: overlay,
    memory,
    timeout,
    signal,
    onOutput: (bytes, seconds) => {
      console.take(bytes, seconds);
      return isThere();
    },
  });
  console.end();
  const passed = isThere();
  return {
    passed,
    firmware,
    accelerator: run.accelerator,
    expected: expect ?? 'login:',
    seconds: run.seconds,
    milestones: console.milestones,
    ...(passed ? {} : { reason: run.end === 'timeout' ? `timeout after ${timeout} s` : 'the machine ended' }),
    lastLines: console.last(LAST_LINES),
  };
}

function startOf(firmware: BootOptions['firmware'], directory: string): Start {
  if (firmware === 'bios') return { kind: 'bios' };
  const uefi = findUefiFirmware();
  const variables = join(directory, 'variables.fd');
  copyFileSync(uefi.variables, variables);
  return { kind: 'uefi', firmware: uefi, variables };
}

/** What the machine writes goes there; the disk itself is only read. */
async function makeOverlay(disk: string, overlay: string): Promise<void> {
  const program = requireProgram('qemu-img', 'a disk that is started');
  const format = await formatOf(program, disk);
  const args = ['create', '-q', '-f', 'qcow2', '-F', format, '-b', realpathSync(disk), overlay];
  const { status, stderr } = await runProgram(program, args);
  if (status !== 0) throw new AshlarError(`cannot start from ${disk}`, { cause: new Error(stderr.trim()) });
}

/** What disks come in; a disk that only names another file is not what it seems. */
const FORMATS = ['raw', 'qcow2', 'vmdk', 'vdi', 'vpc', 'vhdx'];

/** What `qemu-img info` says. */
interface ImageInfo {
  readonly format?: string;
  readonly 'backing-filename'?: string;
  readonly 'format-specific'?: {
    readonly data?: {
      /** Of qcow2: where its content is. */
      readonly 'data-file'?: string;
      /** Of vmdk: the files that it is made of. */
      readonly extents?: readonly { readonly filename?: string }[];
    };
  };
}

async function formatOf(program: string, disk: string): Promise<string> {
  const { status, stdout, stderr } = await runProgram(program, ['info', '--output=json', disk]);
  if (status !== 0) throw new AshlarError(`cannot start from ${disk}`, { cause: new Error(stderr.trim()) });
  const info = JSON.parse(stdout) as ImageInfo;
  const { 'data-file': data, extents = [] } = info['format-specific']?.data ?? {};
  const others = [info['backing-filename'], data, ...extents.map(({ filename }) => filename)];
  const rest = others.find(name => name !== undefined && resolve(name) !== resolve(disk));
  if (rest !== undefined) throw new AshlarError(`${disk} is only a part of a disk: the rest is in ${rest}`);
  if (info.format === undefined || !FORMATS.includes(info.format)) {
    throw new AshlarError(`no disk that can be started: ${disk} is ${info.format ?? 'of no known format'}`);
  }
  return info.format;
}

function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'ashlar-boot-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
