import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { CALLERS_STDERR, releaseMounts, runInTree } from '../../sandbox/index.ts';
import type { ShellRequest } from '../requests.ts';
import type { Call } from './call.ts';
import { prepareRoom } from './room.ts';

/** Runs a command in a tree with the input and output of the user; returns its exit status. */
export async function shell(request: ShellRequest, call: Call): Promise<number> {
  const { command, environment, network, changes } = request;
  if (changes === undefined) return runHere(call.scratch);
  mkdirSync(changes, { recursive: true });
  // overlayfs needs a directory of its own beside the one of the changes.
  const scratch = mkdtempSync(join(changes, 'running-'));
  try {
    return await runHere(changes, scratch);
  } finally {
    releaseMounts(scratch);
    rmSync(scratch, { recursive: true, force: true });
  }

  async function runHere(place: string, scratch = join(place, 'run')): Promise<number> {
    return runInTree({
      ...(await prepareRoom(request, call, join(place, 'upper'))),
      process: { args: command, environment, hostname: 'stacker', network },
      scratch,
      streams: { kind: 'attached', stdin: 0, stdout: 1, stderr: CALLERS_STDERR, ...terminal() },
      signal: call.signal,
    });
  }
}

/** The terminal of the user, if there is somebody at one. */
function terminal() {
  if (!isatty(0) || !isatty(1)) return {};
  const { rows, columns } = process.stdout;
  return { terminal: { rows, columns } };
}
