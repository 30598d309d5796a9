import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type PackedLayer, packLayer, prepareLayerWorker } from '../../layers/index.ts';
import { mountTree } from '../../sandbox/index.ts';
import { setUpTree } from '../../setup/index.ts';
import { type Call, followed, passWarnings } from './call.ts';
import type { SetUpRequest } from './requests.ts';
import { prepareGround } from './room.ts';
import { setTimesOfWritten } from './times.ts';

const DAY = 24 * 60 * 60;

/** Changes files of a tree; what that changed becomes a layer. */
export async function setUp(
  { layers, changes, pack }: SetUpRequest,
  call: Call,
): Promise<PackedLayer | undefined> {
  const { lowers, upper } = await prepareGround(layers, call);
  const epoch = pack.sourceDateEpoch ?? pack.written?.time;
  const time = epoch ?? 0;
  // Else it has the time of the tree below.
  if (lowers.length === 0) utimesSync(upper, time, time);
  prepareLayerWorker();
  {
    using tree = mountTree({ lowers, upper, scratch: join(call.scratch, 'tree') });
    setUpTree(tree.root, changes, {
      time,
      ...(epoch !== undefined && { passwordDay: Math.floor(epoch / DAY) }),
      keepOwners: !call.options.singleId,
      warn: call.warn,
    });
  }
  if (pack.written) setTimesOfWritten(upper, pack.written);
  const layer = await packLayer(
    { kind: 'upper', directory: upper, lowers, tidy: true },
    { ...pack, ...followed(call) },
  );
  if (!layer) return undefined;
  passWarnings(layer, call);
  call.snapshots.adopt(layer.diffId, upper, pack.sourceDateEpoch);
  return layer;
}
