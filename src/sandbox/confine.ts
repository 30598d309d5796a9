/**
 * Programs that read what strangers have made: they see the host's programs and libraries read-only, the file to read,
 * and one directory to write to; no network, no sockets, nothing of anybody's.
 */
import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MS, makeReadOnly, mount } from '../linux/index.ts';
import { findProgram, type ProcessResult, runProgram } from '../support/process.ts';
import { releaseMounts } from './release.ts';

export interface Confinement {
  /** Appears as `INPUT`. */
  readonly input: string;
  /** Appears as `OUTPUT`. */
  readonly output: string;
  /** A directory for mounts, which does not exist. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** See `runProgram`. */
  readonly onStdout?: (bytes: Buffer) => void;
}

/** Where a confined program finds what it reads, and the directory that it writes to. */
export const INPUT = '/input';
export const OUTPUT = '/output';

/** Where programs and their libraries are. */
const PROGRAMS = ['bin', 'lib', 'lib32', 'lib64', 'libx32', 'nix', 'gnu', 'sbin', 'usr'];

/** Runs a program of the host to its end. To be called inside the namespaces. */
export async function runConfined(
  program: string,
  args: readonly string[],
  { input, output, scratch, signal, onStdout }: Confinement,
): Promise<ProcessResult> {
  const root = join(scratch, 'root');
  mkdirSync(root, { recursive: true });
  try {
    mount({ source: 'tmpfs', target: root, type: 'tmpfs', data: 'mode=755,size=1m' });
    for (const name of PROGRAMS) showProgram(name, root);
    writeFileSync(join(root, INPUT), '');
    mount({ source: input, target: join(root, INPUT), flags: MS.BIND });
    mkdirSync(join(root, OUTPUT));
    makeReadOnly(root);
    mount({ source: output, target: join(root, OUTPUT), flags: MS.BIND });
    const namespaces = ['--net', '--ipc', '--pid', '--fork', '--kill-child'];
    const unshare = findProgram('unshare') ?? 'unshare';
    return await runProgram(unshare, [...namespaces, `--root=${root}`, '--wd=/', '--', program, ...args], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      signal,
      onStdout,
    });
  } finally {
    releaseMounts(scratch);
  }
}

/** Merged systems have links to directories of /usr. */
function showProgram(name: string, root: string): void {
  const source = `/${name}`;
  if (!existsSync(source)) return;
  const target = join(root, name);
  if (lstatSync(source).isSymbolicLink()) {
    symlinkSync(readlinkSync(source), target);
  } else {
    mkdirSync(target);
    mount({ source, target, flags: MS.BIND | MS.REC });
  }
}
