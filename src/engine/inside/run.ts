import { mkdtempSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { packLayer, prepareLayerWorker } from '../../layers/index.ts';
import { runInTree } from '../../sandbox/index.ts';
import { type Call, followed, passWarnings } from './call.ts';
import { runPackages } from './packages.ts';
import type { RunRequest, RunResult } from './requests.ts';
import { prepareRoom, type ReadyRoom } from './room.ts';
import { runScript } from './script.ts';
import { setTimesOfWritten } from './times.ts';

/** Runs something in a tree; what it changed becomes a layer. */
export async function run(request: RunRequest, call: Call): Promise<RunResult> {
  const room = await prepareRoom(request, call);
  const { lowers, upper } = room;
  prepareLayerWorker();
  const status = await perform(request, room, join(call.scratch, 'run'), call);
  if (status !== 0)
    return { kind: 'failed', status, ...(request.keepFailed && { changes: keep(upper, call) }) };
  if (request.pack.written) setTimesOfWritten(upper, request.pack.written);
  const layer = await packLayer(
    { kind: 'upper', directory: upper, lowers, tidy: true },
    { ...request.pack, ...followed(call) },
  );
  if (!layer) return { kind: 'unchanged' };
  passWarnings(layer, call);
  call.snapshots.adopt(layer.diffId, upper, request.pack.sourceDateEpoch);
  return { kind: 'layer', layer };
}

function perform(request: RunRequest, room: ReadyRoom, scratch: string, call: Call): Promise<number> {
  const { work, environment, network, identity } = request;
  if (work.kind === 'script') return runScript({ ...request, script: work.script }, room, scratch, call);
  if (work.kind === 'packages') return runPackages({ ...request, ...work }, room, scratch, call);
  return runInTree({
    ...room,
    process: { args: work.command, environment, hostname: 'ashlar', network, ...(identity && { identity }) },
    scratch,
    streams: { kind: 'collected', output: call.output },
    signal: call.signal,
  });
}

/** Moves what was changed to where it stays as long as we live. */
function keep(upper: string, { options }: Call): string {
  const directory = mkdtempSync(join(options.temporary, 'failed-'));
  renameSync(upper, join(directory, 'upper'));
  return directory;
}
