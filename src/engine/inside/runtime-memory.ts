import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { probeRuntime, type RuntimeName } from '../../sandbox/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';

const RUNTIMES: readonly RuntimeName[] = ['crun', 'runc', 'builtin'];

/**
 * The runtime that was asked for, or else the first that works on this machine. What a probe found is remembered in
 * `memory` until a runtime or the kernel is replaced. `scratch` does not exist, in a directory of ours on the same file
 * system.
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
  probing ??= probe(machine, memory, scratch);
  return probing;
}

/** Steps that begin at the same time wait for one probe. */
let probing: Promise<RuntimeName> | undefined;

async function probe(machine: string, memory: string, scratch: string): Promise<RuntimeName> {
  const { runtime } = await probeRuntime(scratch);
  // Another process may be about to remember the same: each has a file of its own until it is complete.
  const own = `${scratch}.json`;
  writeFileSync(own, JSON.stringify({ machine, runtime }));
  renameSync(own, memory);
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
