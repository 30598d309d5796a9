/** Containers for tests: each lives in one long call, and other calls ask about it by its name. */
import { closeSync, constants, fstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AT_FDCWD, O_PATH, openAt, openIn } from '../../linux/index.ts';
import { type Container, inContainer, Network, type PageAnswer } from '../../sandbox/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import type { Call } from './call.ts';
import type {
  AskRequest,
  BesideRequest,
  BesideResult,
  ContainerRequest,
  Looked,
  LookRequest,
} from './container-requests.ts';
import { prepareRoom } from './room.ts';
import { mountSnapshots } from './tree.ts';

interface Running {
  readonly container: Container;
  readonly network: Network;
}

/** Resolves when the container runs, rejects when it cannot. */
const containers = new Map<string, Promise<Running>>();

const HOSTS = '127.0.0.1 localhost ashlar\n';

/** Of files that are looked into, and of what commands write. */
const TEXT_LIMIT = 16 << 20;

/** Runs a container until nobody waits for the answer any more. */
export async function container(request: ContainerRequest, call: Call): Promise<null> {
  const { promise, resolve, reject } = Promise.withResolvers<Running>();
  // Nobody may ever ask; who waits for this call hears of it.
  promise.catch(() => {});
  containers.set(request.container, promise);
  try {
    await runContainer(request, call, resolve);
    return null;
  } catch (error) {
    reject(error);
    throw error;
  } finally {
    containers.delete(request.container);
  }
}

async function runContainer(
  request: ContainerRequest,
  call: Call,
  isRunning: (running: Running) => void,
): Promise<void> {
  const { command, environment, identity, waits } = request;
  const room = await prepareRoom(request, call);
  const hosts = join(call.scratch, 'hosts');
  writeFileSync(hosts, HOSTS, { mode: 0o644 });
  await using network = await Network.open();
  await inContainer(
    {
      ...room,
      mounts: [...room.mounts, { source: hosts, target: '/etc/hosts', readOnly: false }],
      process: {
        args: command,
        environment,
        hostname: 'ashlar',
        network: { path: network.path },
        ...(identity && { identity }),
      },
      scratch: join(call.scratch, 'run'),
      streams: { kind: 'collected', output: call.output, ...(waits && { waits }) },
      signal: call.signal,
    },
    async started => {
      await started.started;
      isRunning({ container: started, network });
      await aborted(call.signal);
    },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The exit status of a container's process, undefined while it runs. */
export async function ended(name: string): Promise<number | undefined> {
  return (await find(name)).container.status;
}

/** Runs a command in a container. It goes on where nobody waits for it any more, until the container ends. */
export async function beside(
  { container: name, command, patience }: BesideRequest,
  { signal }: Call,
): Promise<BesideResult> {
  const { container: running } = await find(name);
  if (running.status !== undefined) return { kind: 'none', status: running.status };
  const output: Uint8Array[] = [];
  let size = 0;
  const result = running.run(command, bytes => {
    size += bytes.length;
    if (size <= TEXT_LIMIT) output.push(bytes);
  });
  result.catch(() => {});
  const textOf = () => Buffer.concat(output).toString();
  if (patience === 0) return { kind: 'going-on', text: '' };
  const late = sleep(patience, undefined, { signal, ref: false });
  const status = await Promise.race([result, late]);
  return status === undefined
    ? { kind: 'going-on', text: textOf() }
    : { kind: 'ended', status, text: textOf() };
}

/** Asks once what listens in the network of a container. */
export async function ask({ container: name, question }: AskRequest): Promise<PageAnswer> {
  return (await find(name)).network.ask(question);
}

/** Looks at a path of a container, or of a tree that nothing runs in. Symbolic links are followed. */
export async function look({ place, path, withText }: LookRequest, call: Call): Promise<Looked> {
  if (place.kind === 'container')
    return lookBelow((await find(place.container)).container.root, path, withText);
  const snapshots = await call.snapshots.ensure(place.layers, call.signal);
  using tree = mountSnapshots(snapshots, join(call.scratch, 'tree'));
  return lookBelow(tree.root, path, withText);
}

/** What the system says of a path that leads to nothing. */
const NOWHERE = ['ENOENT', 'ENOTDIR', 'ELOOP'];

function lookBelow(directory: string, path: string, withText: boolean): Looked {
  const root = openAt(AT_FDCWD, directory, O_PATH | constants.O_DIRECTORY);
  try {
    const link = isLink(root, path);
    const fd = openIn(root, path, O_PATH);
    try {
      return { ...describe(fd, path, withText), link };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (NOWHERE.includes(codeOf(error) ?? '')) return { kind: 'nothing' };
    throw error;
  } finally {
    closeSync(root);
  }
}

function isLink(root: number, path: string): boolean {
  const fd = openIn(root, path, O_PATH | constants.O_NOFOLLOW);
  try {
    return fstatSync(fd).isSymbolicLink();
  } finally {
    closeSync(fd);
  }
}

function describe(fd: number, path: string, withText: boolean) {
  const status = fstatSync(fd);
  const self = `/proc/self/fd/${fd}`;
  if (status.isDirectory()) return { kind: 'directory', names: readdirSync(self) } as const;
  if (!status.isFile()) return { kind: 'other' } as const;
  if (!withText) return { kind: 'file' } as const;
  if (status.size > TEXT_LIMIT) throw new AshlarError(`${path} is too large to be looked into`);
  return { kind: 'file', text: readFileSync(self, 'utf8') } as const;
}

function find(name: string): Promise<Running> {
  const found = containers.get(name);
  if (found) return found;
  throw new Error(`there is no container ${name}`);
}
