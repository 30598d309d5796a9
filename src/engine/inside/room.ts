/** Rooms: trees with what processes find in them besides, made ready to run something. */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  copyDirectoryAttributes,
  type HostMount,
  nameResolution,
  type RunOptions,
} from '../../sandbox/index.ts';
import type { Call } from './call.ts';
import type { Room, TreeLayer } from './request-parts.ts';
import { chooseRuntime } from './runtime-memory.ts';
import { lowerDirectories } from './tree.ts';

export type ReadyRoom = Pick<RunOptions, 'lowers' | 'upper' | 'mounts' | 'runtime'>;

/** Unpacks the layers, and makes the directory `upper` for what will change, unless it is there from an earlier use. */
export async function prepareRoom(
  room: Room,
  call: Call,
  upper = join(call.scratch, 'upper'),
): Promise<ReadyRoom> {
  return {
    ...(await prepareGround(room.layers, call, upper)),
    mounts: mounts(room, call),
    runtime: await chooseRuntime(room.runtime, call.options.runtimeMemory, join(call.scratch, 'probe')),
  };
}

/** The same for work that runs nothing. */
export async function prepareGround(
  layers: readonly TreeLayer[],
  { scratch, signal, snapshots }: Call,
  upper = join(scratch, 'upper'),
): Promise<Pick<ReadyRoom, 'lowers' | 'upper'>> {
  const lowers = lowerDirectories(await snapshots.ensure(layers, signal), join(scratch, 'repairs'));
  if (!existsSync(upper)) makeUpper(upper, lowers);
  return { lowers, upper };
}

/** The upper directory becomes the root of the tree, so it gets the attributes of the highest layer's root. */
function makeUpper(upper: string, lowers: readonly string[]): void {
  mkdirSync(upper);
  chmodSync(upper, 0o755);
  const top = lowers.at(-1);
  if (top !== undefined) copyDirectoryAttributes(top, upper);
}

function mounts(room: Room, { warn }: Call): HostMount[] {
  const resolution = room.network === 'host' ? nameResolution() : [];
  if (room.network === 'host' && resolution.length === 0)
    warn('there is no /etc/resolv.conf on this machine: host names will not be found');
  return [
    ...resolution,
    ...room.importDirectories.map(target => ({ source: room.imports, target, readOnly: true })),
    ...room.binds.map(bind => ({ readOnly: false, ...bind })),
  ];
}
