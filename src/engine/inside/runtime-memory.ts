import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { probeRuntime, type RuntimeName } from '../../sandbox/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';

const RUNTIMES: readonly RuntimeName[] = ['crun', 'runc', 'builtin'];

/**
 * The runtime that was asked for, or else the first that works on this machine. What a probe found is remembered in
 * `memory` until a runtime or the kernel is replaced.
 */
export async function chooseRuntime(
  asked: string | undefined,
  memory: string,
  scratch: string,
): Promise<RuntimeName> {
  if (asked !== undefined) {
    const known = RUNTIMES.find(name => name === asked);
    if (known) return known;
    throw new AshlarError(`unknown runtime '${asked}'`, { hint: `one of ${RUNTIMES.join(', ')}` });
  }
  const machine = describeMachine();
  const known = recall(memory);
  if (known?.machine === machine) return known.runtime;
  const { runtime } = await probeRuntime(scratch);
  writeFileSync(`${memory}.new`, JSON.stringify({ machine, runtime }));
  renameSync(`${memory}.new`, memory);
  return runtime;
}

function describeMachine(): string {
  const programs = ['crun', 'runc'].map(name => {
    const path = findProgram(name);
    return path === undefined ? `${name} missing` : `${path} ${statSync(path).mtimeMs}`;
  });
  return [release(), ...programs].join(', ');
}

function recall(memory: string): { readonly machine: string; readonly runtime: RuntimeName } | undefined {
  try {
    return JSON.parse(readFileSync(memory, 'utf8'));
  } catch {
    // Missing or damaged: the probe is repeated.
    return undefined;
  }
}
