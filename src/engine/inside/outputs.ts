/** Files that are made of a tree: it is mounted with a layer on top that takes what changes, and is thrown away. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeArchive, makeDisk, makeFileSystemFile, standInForDevices } from '../../disk/index.ts';
import type { ByteString } from '../../layers/index.ts';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, setTimesAt } from '../../linux/index.ts';
import { mountTree, runInTree, type Tree } from '../../sandbox/index.ts';
import { type SetupChange, setUpTree } from '../../setup/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { Call } from './call.ts';
import type { MadeOfTree, OutputRequest } from './requests.ts';
import { prepareRoom, type ReadyRoom } from './room.ts';

export async function output(request: OutputRequest, call: Call): Promise<MadeOfTree> {
  const { layers, runtime, work, identity, epoch, undescribed, output: file } = request;
  const { signal, warn, note: say } = call;
  if (call.options.singleId && request.foreignOwners)
    throw new AshlarError('the owners of files cannot be kept, for only one user id is available here', {
      hint: 'ashlar check tells how to get more',
    });
  const surroundings = { environment: {}, imports: '', importDirectories: [], binds: [] } as const;
  const room = await prepareRoom(
    { ...surroundings, layers, network: 'none', ...(runtime === undefined ? {} : { runtime }) },
    call,
  );
  using mounted = new ChangingTree(room, call);
  const tree = mounted.root;
  setTimes(tree, undescribed, epoch);
  const devices = await standInForDevices(tree, request.devices, signal);
  const scratch = join(call.scratch, 'output');
  mkdirSync(scratch);
  const common = { tree, devices, output: file, scratch, identity, epoch, signal, say, warn };
  switch (work.kind) {
    case 'disk': {
      if (work.setup) setUpDisk(tree, work.setup, epoch, call);
      const run = (args: readonly string[], environment: Readonly<Record<string, string>>) =>
        mounted.run(args, environment);
      return await makeDisk({ ...common, spec: work.spec, run });
    }
    case 'file-system':
      // The tree is mounted until all is done.
      return await makeFileSystemFile({ ...common, fileSystem: work.fileSystem, verity: work.verity });
    case 'archive':
      await makeArchive({ ...common, format: work.format });
      return {};
  }
}

/** Bytes of what a program says that are remembered. */
const OUTPUT_LIMIT = 1 << 20;

/** A mounted tree in which programs can be run now and then. */
class ChangingTree implements Disposable {
  readonly #room: ReadyRoom;
  readonly #call: Call;
  #tree: Tree;
  #runs = 0;

  constructor(room: ReadyRoom, call: Call) {
    this.#room = room;
    this.#call = call;
    this.#tree = this.#mount();
  }

  get root(): string {
    return this.#tree.root;
  }

  #mount(): Tree {
    const { lowers, upper } = this.#room;
    return mountTree({ lowers, upper, volatile: true, scratch: join(this.#call.scratch, 'changing') });
  }

  /** What the program changes stays. Nothing of the tree may be open meanwhile. */
  async run(args: readonly string[], environment: Readonly<Record<string, string>>) {
    const { scratch, signal } = this.#call;
    const said: Uint8Array[] = [];
    let size = 0;
    // The kernel takes an upper directory for one mount at a time.
    this.#tree[Symbol.dispose]();
    try {
      this.#runs += 1;
      const status = await runInTree({
        ...this.#room,
        process: { args, environment, hostname: 'ashlar', network: 'none' },
        scratch: join(scratch, `run-${this.#runs}`),
        streams: {
          kind: 'collected',
          output: bytes => {
            this.#call.output(bytes);
            size += bytes.length;
            if (size <= OUTPUT_LIMIT) said.push(bytes);
          },
        },
        signal,
      });
      return { status, output: Buffer.concat(said).toString() };
    } finally {
      this.#tree = this.#mount();
    }
  }

  [Symbol.dispose](): void {
    this.#tree[Symbol.dispose]();
  }
}

const DAY = 24 * 60 * 60;

function setUpDisk(tree: string, changes: readonly SetupChange[], epoch: number, call: Call): void {
  const passwordDay = Math.floor(epoch / DAY);
  setUpTree(tree, changes, {
    time: epoch,
    // Who has a password of day 0 must change it.
    ...(passwordDay > 0 && { passwordDay }),
    keepOwners: !call.options.singleId,
    warn: call.warn,
  });
}

/** Gives directories the time of `epoch`. */
function setTimes(tree: string, directories: readonly ByteString[], epoch: number): void {
  const time = BigInt(epoch) * 1_000_000_000n;
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, O_PATH));
  for (const path of directories)
    setTimesAt(root.fd, path === '' ? '.' : Buffer.from(path, 'latin1'), { atime: time, mtime: time });
}
