/** Rooms: trees with what processes find in them besides, made ready to run something. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  copyDirectoryAttributes,
  type HostMount,
  nameResolution,
  type RunOptions,
} from '../../sandbox/index.ts';
import type { Room, StagedImport } from '../requests.ts';
import { chooseRuntime } from '../runtime-memory.ts';
import { stage } from '../staging.ts';
import { lowerDirectories } from '../tree.ts';
import type { Call } from './call.ts';
import { atLocation } from './places.ts';

export interface ReadyRoom extends Pick<RunOptions, 'lowers' | 'upper' | 'mounts' | 'runtime'> {
  /** The directory with the imports: what is put there can be seen in the import directories. */
  readonly imports: string;
}

/** Unpacks the layers, copies the imports, and makes an upper directory for what will change. */
export async function prepareRoom(room: Room, call: Call): Promise<ReadyRoom> {
  const { scratch, signal, snapshots, options } = call;
  const layers = await snapshots.ensure(room.layers, signal);
  const lowers = lowerDirectories(layers, join(scratch, 'repairs'));
  const imports = await stageImports(room.imports, call);
  const upper = join(scratch, 'upper');
  makeUpper(upper, lowers);
  return {
    lowers,
    upper,
    imports,
    mounts: mounts(room, imports),
    runtime: await chooseRuntime(room.runtime, options.runtimeMemory, join(scratch, 'probe')),
  };
}

async function stageImports(imports: readonly StagedImport[], call: Call): Promise<string> {
  const directory = join(call.scratch, 'imports');
  mkdirSync(directory, { mode: 0o755 });
  for (const { name, location, ...owner } of imports) {
    await atLocation(location, call, ({ path }) => {
      const target = join(directory, name);
      rmSync(target, { recursive: true, force: true });
      stage(path, target, owner);
    });
  }
  return directory;
}

/** The upper directory becomes the root of the tree, so it gets the attributes of the highest layer's root. */
function makeUpper(upper: string, lowers: readonly string[]): void {
  mkdirSync(upper);
  chmodSync(upper, 0o755);
  const top = lowers.at(-1);
  if (top !== undefined) copyDirectoryAttributes(top, upper);
}

function mounts(room: Room, imports: string): HostMount[] {
  return [
    ...(room.network === 'host' ? nameResolution() : []),
    ...room.importDirectories.map(target => ({ source: imports, target, readOnly: true })),
    ...room.binds.map(bind => ({ ...bind, readOnly: false })),
  ];
}
