import { mkdtempSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { packLayer, prepareLayerWorker } from '../../layers/index.ts';
import { type Call, followed, passWarnings } from './call.ts';
import type { RunRequest, RunResult } from './requests.ts';
import { prepareRoom } from './room.ts';
import { runScript } from './script.ts';

/** Runs a script in a tree; what it changed becomes a layer. */
export async function run(request: RunRequest, call: Call): Promise<RunResult> {
  const room = await prepareRoom(request, call);
  const { lowers, upper } = room;
  prepareLayerWorker();
  const status = await runScript(request, room, join(call.scratch, 'run'), call);
  if (status !== 0)
    return { kind: 'failed', status, ...(request.keepFailed && { changes: keep(upper, call) }) };
  const layer = await packLayer(
    { kind: 'upper', directory: upper, lowers, tidy: true },
    { ...request.pack, ...followed(call) },
  );
  if (!layer) return { kind: 'unchanged' };
  passWarnings(layer, call);
  call.snapshots.adopt(layer.diffId, upper, request.pack.sourceDateEpoch);
  return { kind: 'layer', layer };
}

/** Moves what a script changed to where it stays as long as we live. */
function keep(upper: string, { options }: Call): string {
  const directory = mkdtempSync(join(options.temporary, 'failed-'));
  renameSync(upper, join(directory, 'upper'));
  return directory;
}
