import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInTree } from '../../sandbox/index.ts';
import type { Call } from './call.ts';
import type { Room } from './request-parts.ts';
import type { ReadyRoom } from './room.ts';
import { SCRIPT } from './staging.ts';

/**
 * Runs a script in a room, without input; returns its exit status. `scratch` is for its mounts and does not exist.
 * `byHost`: its interpreter is one of the host's.
 */
export function runScript(
  request: Room & { readonly script: string; readonly byHost?: boolean },
  room: ReadyRoom,
  scratch: string,
  { output, signal }: Call,
): Promise<number> {
  const { script, environment, network, imports, importDirectories } = request;
  const file = join(imports, SCRIPT);
  rmSync(file, { recursive: true, force: true });
  writeFileSync(file, script, { mode: 0o755 });
  const interpreter = interpreterOf(script);
  return runInTree({
    ...room,
    process: {
      args: command(join(importDirectories[0] ?? '/', SCRIPT), interpreter, environment),
      environment,
      hostname: 'stacker',
      network,
    },
    ...(request.byHost ? {} : { needs: interpreter }),
    scratch,
    streams: { kind: 'collected', output },
    signal,
  });
}

/** What runtimes and shells add to an environment; a build script sees only what it is given. */
const ADDED = ['HOME', 'PWD', 'OLDPWD', 'SHLVL', '_'];

/**
 * The script is started as a program, since its first line chooses the interpreter. Where that is a shell, it first
 * mends what runtimes do: crun and runc add HOME, and runc copies standard output and error through two pipes, in
 * which their order would be lost.
 */
function command(script: string, interpreter: string, environment: Room['environment']): readonly string[] {
  if (!/\/(?:ba|da|a|k|z)?sh$/.test(interpreter)) return [script];
  const added = ADDED.filter(name => !(name in environment));
  return [interpreter, '-c', `unset ${added.join(' ')}; exec "$0" 2>&1`, script];
}

/** The program of the first line of a script, which has one. */
function interpreterOf(text: string): string {
  return /^#!\s*(\S+)/.exec(text)?.[1] ?? '/bin/sh';
}
