/** Runs the programs that make file systems, alike for everybody: nothing of the caller's environment is seen. */
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { installationOf } from '../../support/programs.ts';

export interface ProgramRun {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a program and gives what it says.
 * Throws an AshlarError when it is missing or fails, with the end of what it says.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  { env, cwd, signal }: ProgramRun,
): Promise<string> {
  const { status, stdout, stderr } = await runProgram(toolPath(name), args, {
    signal,
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', ...env },
  });
  if (status === 0) return stdout + stderr;
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(-5).join('; ');
  throw new AshlarError(`${name} failed with status ${status}: ${said}`);
}

export function toolPath(name: string): string {
  const path = findProgram(name);
  if (path === undefined)
    throw new AshlarError(`cannot find the program ${name}`, { hint: installationOf(name) });
  return path;
}
