import { type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exitStatus } from './signals.ts';

/** The absolute path of a program in PATH, or undefined. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  // Debian keeps some tools of ours in sbin, which is not in the PATH of a plain user.
  for (const directory of [...path.split(delimiter), '/usr/sbin', '/sbin']) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not here: the next directory is asked
    }
  }
  return undefined;
}

export interface ProcessResult {
  /** Exit code, or 128 + the signal's number. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions extends Pick<SpawnOptions, 'cwd' | 'detached' | 'env' | 'signal'> {
  /** Text, or bytes as they come; what they throw ends the program, and is thrown. */
  readonly input?: string | AsyncIterable<Uint8Array>;
  /** Takes the standard output instead of its being collected; what it throws ends the program, and is thrown. */
  readonly onStdout?: ((bytes: Buffer) => void) | undefined;
}

/** Runs a program to its end and collects its output, which is expected to be small. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProcessResult> {
  const { input, onStdout, ...spawnOptions } = options;
  const child = spawn(program, args, {
    ...spawnOptions,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let failure: { readonly error: unknown } | undefined;
  child.stdout?.on('data', (bytes: Buffer) => {
    if (!onStdout) {
      output.stdout.push(bytes);
      return;
    }
    try {
      if (!failure) onStdout(bytes);
    } catch (error) {
      failure = { error };
      child.kill('SIGKILL');
    }
  });
  child.stderr?.on('data', (bytes: Buffer) => output.stderr.push(bytes));
  // A program that ends without reading its input is judged by its exit status.
  child.stdin?.on('error', () => {});
  if (typeof input === 'object' && child.stdin) {
    const bytes = watched(input, error => {
      failure ??= { error };
      child.kill('SIGKILL');
    });
    pipeline(bytes, child.stdin).catch(() => {});
  } else child.stdin?.end(input);
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (failure) reject(failure.error);
      else resolve(exitStatus(code, signal));
    });
  });
  return {
    status,
    stdout: Buffer.concat(output.stdout).toString(),
    stderr: Buffer.concat(output.stderr).toString(),
  };
}

/** The same pieces; what they throw is told, too. */
async function* watched<T>(pieces: AsyncIterable<T>, tell: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* pieces;
  } catch (error) {
    tell(error);
    throw error;
  }
}
