/** The outer half's view of the inner half: a process in our own namespaces, started when it is first needed. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { detectIdMap, namespaceCure, namespaceObstacle, startInNamespaces } from '../sandbox/index.ts';
import { AshlarError } from '../support/errors.ts';
import { fromPlain } from './inside/errors-as-data.ts';
import type { FromInside, InsideOptions, Method, Requests, ToInside } from './inside/requests.ts';
import type { Store } from './store/store.ts';

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly onOutput?: (bytes: Uint8Array) => void;
  readonly onWarning?: (text: string) => void;
  /** What was chosen, and why. */
  readonly onNote?: (text: string) => void;
  /** Bytes of the tar of a layer so far. */
  readonly onPacking?: (bytes: number) => void;
}

interface Pending extends CallOptions {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** In the bundle every entry is a file of its own beside the others. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './inside.ts' : './inside.mjs', import.meta.url);

/** Milliseconds; removing a large tree takes its time. */
const CLOSING = 60_000;

export class Workshop implements AsyncDisposable {
  readonly #store: Store;
  readonly #held: readonly number[];
  readonly #warn: (text: string) => void;
  readonly #pending = new Map<number, Pending>();
  /** Directories to be removed at the end. */
  readonly #passing: string[] = [];
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** Why the inner half is no more. */
  #failure: Error | undefined;
  #calls = 0;

  /** @param held Open files that the inner half keeps open as long as it lives. */
  constructor(store: Store, warn: (text: string) => void, held: readonly number[] = []) {
    this.#store = store;
    this.#held = held;
    this.#warn = warn;
  }

  /** Asks the inner half for something. Rejects with what went wrong there, or when `signal` is aborted. */
  async call<M extends Method>(
    method: M,
    params: Requests[M]['params'],
    options: CallOptions,
  ): Promise<Requests[M]['result']> {
    options.signal.throwIfAborted();
    if (this.#failure) throw this.#failure;
    this.#child ??= this.#start();
    const child = this.#child;
    const id = ++this.#calls;
    const cancel = () => send(child, { kind: 'cancel', id });
    options.signal.addEventListener('abort', cancel, { once: true });
    try {
      const answer = new Promise<unknown>((resolve, reject) =>
        this.#pending.set(id, { ...options, resolve, reject }),
      );
      send(child, { kind: 'request', id, method, params });
      return (await answer) as Requests[M]['result'];
    } finally {
      options.signal.removeEventListener('abort', cancel);
      this.#pending.delete(id);
    }
  }

  /** Of a directory below our temporary one: there may be files of other owners in it, which we could not remove. */
  removeAtEnd(directory: string): void {
    this.#passing.push(directory);
  }

  /** Lets the inner half remove what only it can remove, and ends it; with it go all its processes and mounts. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (!child) return;
    try {
      if (child.connected && !this.#failure) {
        const signal = AbortSignal.timeout(CLOSING);
        if (this.#passing.length > 0) await this.call('remove', this.#passing, { signal });
        await this.call('close', null, { signal });
      }
    } catch {
      // What it could not remove, the next build removes; how the build went is not changed by that.
    }
    if (child.connected) child.disconnect();
    const late = setTimeout(() => child.kill('SIGKILL'), CLOSING);
    await this.#ended;
    clearTimeout(late);
  }

  #start(): ChildProcess {
    const obstacle = namespaceObstacle();
    if (obstacle?.certain) throw new AshlarError(obstacle.what, { hint: obstacle.cure });
    const idMap = detectIdMap();
    if (idMap.kind === 'single') {
      this.#warn(
        `only one user id is available (${idMap.reason}): owners of files cannot be kept; ${idMap.cure}`,
      );
    }
    const options: InsideOptions = {
      snapshots: this.#store.snapshots,
      temporaries: this.#store.temporaries,
      temporary: this.#store.temporary,
      runtimeMemory: join(this.#store.path, 'runtime.json'),
      singleId: idMap.kind === 'single',
    };
    const child = startInNamespaces(entry, idMap, [JSON.stringify(options)], this.#held);
    const complaints: Buffer[] = [];
    child.stderr?.on('data', (bytes: Buffer) => complaints.push(bytes));
    child.on('message', message => this.#receive(message as FromInside));
    // Not 'close': after disconnect() Node does not send that event.
    this.#ended = once(child, 'exit').then(
      async ([code, signal]) => {
        if (child.stderr && !child.stderr.closed) await once(child.stderr, 'close');
        this.#fail(endedEarly(code, signal, Buffer.concat(complaints).toString().trim()));
      },
      error => this.#fail(error),
    );
    return child;
  }

  #receive(message: FromInside): void {
    const pending = this.#pending.get(message.id);
    switch (message.kind) {
      case 'output':
        pending?.onOutput?.(message.bytes);
        break;
      case 'warning':
        (pending?.onWarning ?? this.#warn)(message.text);
        break;
      case 'note':
        pending?.onNote?.(message.text);
        break;
      case 'packing':
        pending?.onPacking?.(message.bytes);
        break;
      case 'result':
        pending?.resolve(message.result);
        break;
      case 'error':
        pending?.reject(pending.signal.aborted ? (pending.signal.reason as Error) : fromPlain(message.error));
    }
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const pending of this.#pending.values()) pending.reject(error);
  }
}

function send(child: ChildProcess, message: ToInside): void {
  // A child that is gone is reported by its 'close' event.
  if (child.connected) child.send(message, () => {});
}

/** What unshare (util-linux 2.38) says when its child was killed by SIGKILL, instead of passing that on. */
const CHILD_KILLED = /^unshare: sigprocmask unblock failed: Invalid argument$/m;

/** What unshare says when it is refused; "no space" is the kernel's word for a limit on namespaces. */
const REFUSED = /^unshare: .*(?:not permitted|denied|No space left on device)/im;

function endedEarly(code: number | null, signal: string | null, output: string): AshlarError {
  const killer = signal ?? (CHILD_KILLED.test(output) ? 'SIGKILL' : undefined);
  const complaints = output.replace(CHILD_KILLED, '').trim();
  if (REFUSED.test(complaints)) {
    const why = complaints.replace(
      'No space left on device',
      'the limit of user.max_*_namespaces is reached',
    );
    return new AshlarError(`this machine refuses the namespaces that a build needs: ${why}`, {
      hint: `${namespaceCure()} (ashlar check tells more)`,
    });
  }
  const how = killer === undefined ? `ended with status ${code}` : `was killed by ${killer}`;
  return new AshlarError(
    `the process in the build's own namespaces ${how}${complaints ? `: ${complaints}` : ''}`,
    { hint: 'the kernel may have run out of memory: see dmesg' },
  );
}
