/** The inner half of the engine: the entry of the process in our own namespaces. Answers requests until it is left. */
import { lstatSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findAccount, readAccountFiles, releaseMounts, settleInNamespaces } from '../sandbox/index.ts';
import type { Call } from './inside/call.ts';
import { ask, beside, container, ended, look } from './inside/containers.ts';
import { toPlain } from './inside/errors-as-data.ts';
import { makeErofsLayer, readFileSystem } from './inside/file-systems.ts';
import { grab } from './inside/grab.ts';
import { labels } from './inside/labels.ts';
import { pack } from './inside/pack.ts';
import { atLocation } from './inside/places.ts';
import { probe } from './inside/probe.ts';
import { regenerate } from './inside/regenerate.ts';
import type { FromInside, InsideOptions, Requests, ToInside } from './inside/requests.ts';
import { run } from './inside/run.ts';
import { setUp } from './inside/set-up.ts';
import { shell } from './inside/shell.ts';
import { sizeOnDisk } from './inside/size.ts';
import { Snapshots } from './inside/snapshots.ts';
import { stageImports } from './inside/stage.ts';
import { readDescription, treeDifference } from './inside/stash.ts';
import { checksumsOfFile, identify } from './sources/identity.ts';
import { removeAbandoned } from './store/abandoned.ts';

type Handlers = {
  readonly [M in keyof Requests]: (
    params: Requests[M]['params'],
    call: Call,
  ) => Promise<Requests[M]['result']>;
};

const handlers: Handlers = {
  run,
  labels,
  regenerate,
  setUp,
  readDescription: async directory => readDescription(directory),
  treeDifference,
  shell,
  container,
  ended,
  beside,
  ask,
  look,
  pack,
  readTree: async (request, call) => {
    const { readTree } = await import('./inside/read-tree.ts');
    return readTree(request, call);
  },
  compare: async (request, call) => {
    const { compare } = await import('./inside/compare.ts');
    return compare(request, call);
  },
  output: async (request, call) => {
    const { output } = await import('./inside/outputs.ts');
    return output(request, call);
  },
  readFileSystem,
  makeErofs: makeErofsLayer,
  unpack: async (layers, { signal }) => {
    await snapshots.ensure(layers, signal);
    return null;
  },
  stage: stageImports,
  grab,
  measure: async paths => paths.map(sizeOnDisk),
  remove: async paths => {
    for (const path of paths) {
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) releaseMounts(path);
      await rm(path, { recursive: true, force: true });
    }
    return null;
  },
  identify: (location, call) =>
    atLocation(location, call, ({ path }) =>
      identify(path, { confined: location.kind === 'host' && location.confined }, location.path),
    ),
  account: ({ layers, user }, call) =>
    atLocation({ kind: 'tree', layers, path: '/' }, call, ({ path }) => {
      const { uid, gid } = findAccount(user, readAccountFiles(path));
      return { uid, gid };
    }),
  hash: ({ location, algorithms }, call) =>
    atLocation(location, call, ({ path }) => checksumsOfFile(path, algorithms)),
  probe: (_, call) => probe(call),
  close: async () => {
    removeAbandoned(options.temporaries);
    return null;
  },
};

const options = JSON.parse(process.argv[2] ?? '{}') as InsideOptions;
const snapshots = new Snapshots({
  ...options,
  directory: options.snapshots,
  warn: text => send({ kind: 'warning', id: 0, text }),
});
const running = new Map<number, AbortController>();

// Modes of what is made here must not depend on who calls us.
process.umask(0o022);
settleInNamespaces();
process.on('message', message => receive(message as ToInside));
// The outer half is gone, whatever became of it: as the first process of our namespace we take everything along.
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group of processes; the outer half decides what it means.
process.on('SIGINT', () => {});

function send(message: FromInside): void {
  if (process.connected) process.send?.(message);
}

async function receive(message: ToInside): Promise<void> {
  const { id } = message;
  if (message.kind === 'cancel') return running.get(id)?.abort();
  const controller = new AbortController();
  running.set(id, controller);
  const call: Call = {
    signal: controller.signal,
    scratch: join(options.temporary, `scratch-${id}`),
    snapshots,
    options,
    output: bytes => send({ kind: 'output', id, bytes }),
    warn: text => send({ kind: 'warning', id, text }),
    note: text => send({ kind: 'note', id, text }),
    packing: bytes => send({ kind: 'packing', id, bytes }),
  };
  try {
    const handler = handlers[message.method] as (params: unknown, call: Call) => Promise<unknown>;
    send({ kind: 'result', id, result: await inScratch(call.scratch, () => handler(message.params, call)) });
  } catch (error) {
    send({ kind: 'error', id, error: toPlain(error) });
  } finally {
    running.delete(id);
  }
}

/** Runs `work` while a new directory `scratch` exists. */
async function inScratch<T>(scratch: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(scratch);
  try {
    return await work();
  } finally {
    releaseMounts(scratch);
    await rm(scratch, { recursive: true, force: true });
  }
}
