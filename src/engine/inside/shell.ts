import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { CALLERS_STDERR, releaseMounts, runInTree } from '../../sandbox/index.ts';
import type { Call } from './call.ts';
import type { ShellRequest } from './requests.ts';
import { prepareRoom } from './room.ts';

/** Runs a command in a tree with the input and output of the user; returns its exit status. */
export async function shell(request: ShellRequest, call: Call): Promise<number> {
  const place = request.changes ?? call.scratch;
  mkdirSync(place, { recursive: true });
  const { command, environment, network, identity } = request;
  const room = await prepareRoom(request, call, join(place, 'upper'));
  // overlayfs needs a directory of its own on the file system of the changes. One may be left from a process that was
  // killed; nobody else works here.
  const scratch = join(place, 'running');
  rmSync(scratch, { recursive: true, force: true });
  try {
    return await runInTree({
      ...room,
      process: { args: command, environment, hostname: 'stacker', network, ...(identity && { identity }) },
      scratch,
      streams: { kind: 'attached', stdin: 0, stdout: 1, stderr: CALLERS_STDERR, ...terminal() },
      signal: call.signal,
    });
  } finally {
    releaseMounts(place);
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The terminal of the user, if there is somebody at one. */
function terminal() {
  if (!isatty(0) || !isatty(1)) return {};
  const { rows, columns } = process.stdout;
  return { terminal: { rows, columns } };
}
