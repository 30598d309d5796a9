/** The inner half of the engine: the entry of the process in our own namespaces. Answers requests until it is left. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type PackedLayer, packLayer, prepareLayerWorker } from '../layers/index.ts';
import {
  copyDirectoryAttributes,
  type HostMount,
  mountTree,
  nameResolution,
  probeRuntime,
  releaseMounts,
  runInTree,
  settleInNamespaces,
} from '../sandbox/index.ts';
import { messageOf } from '../support/errors.ts';
import { removeAbandoned } from './abandoned.ts';
import { toPlain } from './errors-as-data.ts';
import { identify, sha256OfFile } from './identity.ts';
import type {
  Abilities,
  FromInside,
  InsideOptions,
  Location,
  PackRequest,
  Requests,
  RunRequest,
  RunResult,
  StagedImport,
  ToInside,
} from './requests.ts';
import { chooseRuntime } from './runtime-memory.ts';
import { Snapshots } from './snapshots.ts';
import { stage } from './staging.ts';
import { lowerDirectories, mountSnapshots, openPlace, type Place } from './tree.ts';

/** The name under which the script of a run step stands among the imports. */
const SCRIPT = '.stacker-run.sh';

const options = JSON.parse(process.argv[2] ?? '{}') as InsideOptions;
const snapshots = new Snapshots({
  ...options,
  directory: options.snapshots,
  warn: text => send({ kind: 'warning', id: 0, text }),
});
const running = new Map<number, AbortController>();
let scratches = 0;

interface Call {
  readonly id: number;
  readonly signal: AbortSignal;
}

type Handlers = {
  readonly [M in keyof Requests]: (
    params: Requests[M]['params'],
    call: Call,
  ) => Promise<Requests[M]['result']>;
};

const handlers: Handlers = {
  run: (request, call) => inScratch(scratch => run(request, scratch, call)),
  identify: (location, call) =>
    inScratch(scratch => atLocation(location, scratch, call, ({ path }) => identify(path))),
  hash: (location, call) =>
    inScratch(scratch => atLocation(location, scratch, call, ({ path }) => sha256OfFile(path))),
  pack: (request, call) => inScratch(scratch => pack(request, scratch, call)),
  probe: () => inScratch(probe),
  close: async () => {
    removeAbandoned(options.temporaries);
    return null;
  },
};

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
  try {
    const handler = handlers[message.method] as (params: unknown, call: Call) => Promise<unknown>;
    send({ kind: 'result', id, result: await handler(message.params, { id, signal: controller.signal }) });
  } catch (error) {
    send({ kind: 'error', id, error: toPlain(error) });
  } finally {
    running.delete(id);
  }
}

/** Runs `work` with a new directory of its own, which is removed afterwards. */
async function inScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  scratches += 1;
  const scratch = join(options.temporary, `scratch-${scratches}`);
  mkdirSync(scratch);
  try {
    return await work(scratch);
  } finally {
    releaseMounts(scratch);
    await rm(scratch, { recursive: true, force: true });
  }
}

async function run(request: RunRequest, scratch: string, call: Call): Promise<RunResult> {
  const layers = await snapshots.ensure(request.layers, call.signal);
  const lowers = lowerDirectories(layers, join(scratch, 'repairs'));
  const imports = await stageImports(request.imports, scratch, call);
  writeFileSync(join(imports, SCRIPT), request.script, { mode: 0o755 });
  const upper = join(scratch, 'upper');
  makeUpper(upper, lowers);
  prepareLayerWorker();
  const [first] = request.importDirectories;
  const status = await runInTree({
    process: {
      args: command(`${first}/${SCRIPT}`, request),
      environment: request.environment,
      hostname: 'stacker',
      network: request.network,
    },
    needs: interpreterOf(request.script),
    lowers,
    upper,
    scratch: join(scratch, 'run'),
    mounts: mounts(request, imports),
    runtime: await chooseRuntime(request.runtime, options.runtimeMemory, join(scratch, 'probe')),
    output: bytes => send({ kind: 'output', id: call.id, bytes }),
    signal: call.signal,
  });
  if (status !== 0) return { kind: 'failed', status };
  const layer = await packLayer(
    { kind: 'upper', directory: upper, lowers },
    { ...request.pack, ...followed(call) },
  );
  if (!layer) return { kind: 'unchanged' };
  report(layer, call);
  snapshots.adopt(layer.diffId, upper, request.pack.sourceDateEpoch);
  return { kind: 'layer', layer };
}

/** What runtimes and shells add to an environment; a build script sees only what it is given. */
const ADDED = ['HOME', 'PWD', 'OLDPWD', 'SHLVL', '_'];

/**
 * The script is started as a program, since its first line chooses the interpreter. Where that is a shell, it first
 * mends what runtimes do: crun and runc add HOME, and runc copies standard output and error through two pipes, in
 * which their order would be lost.
 */
function command(script: string, { environment, script: text }: RunRequest): readonly string[] {
  const interpreter = interpreterOf(text);
  if (!/\/(?:ba|da|a|k|z)?sh$/.test(interpreter)) return [script];
  const added = ADDED.filter(name => !(name in environment));
  return [interpreter, '-c', `unset ${added.join(' ')}; exec "$0" 2>&1`, script];
}

/** The program of the first line of a script, which has one. */
function interpreterOf(text: string): string {
  return /^#!\s*(\S+)/.exec(text)?.[1] ?? '/bin/sh';
}

/** The upper directory becomes the root of the tree, so it gets the attributes of the highest layer's root. */
function makeUpper(upper: string, lowers: readonly string[]): void {
  mkdirSync(upper);
  chmodSync(upper, 0o755);
  const top = lowers.at(-1);
  if (top !== undefined) copyDirectoryAttributes(top, upper);
}

function mounts(request: RunRequest, imports: string): HostMount[] {
  return [
    ...(request.network === 'host' ? nameResolution() : []),
    ...request.importDirectories.map(target => ({ source: imports, target, readOnly: true })),
    ...request.binds.map(bind => ({ ...bind, readOnly: false })),
  ];
}

async function stageImports(imports: readonly StagedImport[], scratch: string, call: Call): Promise<string> {
  const directory = join(scratch, 'imports');
  mkdirSync(directory, { mode: 0o755 });
  for (const { name, location, ...owner } of imports) {
    await atLocation(location, scratch, call, ({ path }) => {
      const target = join(directory, name);
      rmSync(target, { recursive: true, force: true });
      stage(path, target, owner);
    });
  }
  return directory;
}

async function pack(request: PackRequest, scratch: string, call: Call): Promise<PackedLayer | undefined> {
  const { location, pack: how, ...what } = request;
  const layer = await atLocation(location, scratch, call, ({ path }) => {
    const options = { ...how, ...followed(call) };
    if (what.kind === 'tar') return packLayer({ kind: 'tar', path }, options);
    const { kind: _, parents, ...entry } = what;
    return packLayer({ kind: 'files', entries: [{ source: path, ...entry }], parents }, options);
  });
  if (layer) report(layer, call);
  return layer;
}

/** Stopped and watched by who asked for it. */
function followed({ id, signal }: Call) {
  return { signal, onProgress: (bytes: number) => send({ kind: 'packing', id, bytes }) };
}

function report({ warnings }: PackedLayer, { id }: Call): void {
  for (const text of warnings) send({ kind: 'warning', id, text });
}

/** Calls `use` with the place while its tree is mounted. */
async function atLocation<T>(
  location: Location,
  scratch: string,
  { signal }: Call,
  use: (place: Place) => T | Promise<T>,
): Promise<T> {
  if (location.kind === 'host') return use({ path: location.path, [Symbol.dispose]: () => {} });
  scratches += 1;
  const directory = join(scratch, `tree-${scratches}`);
  using tree = mountSnapshots(await snapshots.ensure(location.layers, signal), directory);
  using place = openPlace(tree, location.path);
  return await use(place);
}

async function probe(scratch: string): Promise<Abilities> {
  const { runtime, refusals } = await probeRuntime(join(scratch, 'runtime'));
  return { overlayProblem: tryOverlay(join(scratch, 'overlay')), runtime, refusals };
}

/** Removes a file of a lower layer: the mark for that is what file systems and kernels refuse most often. */
function tryOverlay(directory: string): string | undefined {
  const [lower, upper] = ['lower', 'upper'].map(name => join(directory, name)) as [string, string];
  for (const path of [lower, upper]) mkdirSync(path, { recursive: true });
  writeFileSync(join(lower, 'file'), '');
  try {
    using tree = mountTree({ lowers: [lower], upper, scratch: directory });
    rmSync(join(tree.root, 'file'));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
