/** Networks that nothing but what runs in one container is in, and a thread of ours that asks it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { AshlarError } from '../support/errors.ts';

export interface PageQuestion {
  readonly port: number;
  /** With the query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Milliseconds. */
  readonly patience: number;
}

/** Whether a port is open, or what is to be had there by http. */
export type NetworkQuestion = { readonly port: number } | PageQuestion;

export type PageAnswer =
  | { readonly kind: 'open' }
  | { readonly kind: 'page'; readonly status: number; readonly text: string }
  | { readonly kind: 'silent'; readonly reason: string };

export interface ToNetwork {
  readonly id: number;
  readonly question: NetworkQuestion;
}

export type FromNetwork =
  | { readonly kind: 'entered'; readonly path: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: PageAnswer };

/** In the bundle every entry is a file of its own beside the others. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './network-worker.ts' : './network-worker.mjs',
  import.meta.url,
);

/** A network with a loopback. It is there until it is disposed of and nothing runs in it any more. */
export class Network implements AsyncDisposable {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, (answer: PageAnswer) => void>();
  #questions = 0;
  /** Leads to the network, for those who want to enter it. */
  readonly path: string;

  private constructor(thread: Worker, path: string) {
    this.#thread = thread;
    this.path = path;
    thread.on('message', (message: FromNetwork) => {
      if (message.kind !== 'answer') return;
      this.#waiting.get(message.id)?.(message.answer);
      this.#waiting.delete(message.id);
    });
  }

  /** @throws AshlarError where the machine refuses networks. */
  static async open(): Promise<Network> {
    const thread = new Worker(ENTRY);
    const [message] = (await once(thread, 'message')) as [FromNetwork];
    if (message.kind === 'entered') return new Network(thread, message.path);
    await thread.terminate();
    const reason = message.kind === 'refused' ? message.reason : 'the thread is confused';
    throw new AshlarError(`this machine refuses the network that a container needs: ${reason}`, {
      hint: 'user.max_net_namespaces may be too low, or the kernel may have no network namespaces',
    });
  }

  /** Asks at the loopback, once. */
  ask(question: NetworkQuestion): Promise<PageAnswer> {
    const id = ++this.#questions;
    return new Promise(resolve => {
      this.#waiting.set(id, resolve);
      this.#thread.postMessage({ id, question } satisfies ToNetwork);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}
