/**
 * Peak memory of a process and all that it starts: the sum of the proportional set sizes (Pss), so that pages that
 * processes share count once. Children are found by a variable in the environment, which they inherit, and by their
 * parents, since containers get an environment of their own.
 */
import { readdirSync, readFileSync } from 'node:fs';

const marker = 'ASHLAR_BENCH_RUN';

/** Often enough to see short peaks; nothing is timed while memory is watched. */
const intervalMs = 20;

export class MemoryWatch implements Disposable {
  /** To be added to the environment of the process. */
  readonly environment: NodeJS.ProcessEnv;
  /** Bytes. */
  peak = 0;
  readonly #mark: string;
  /** Once seen, always one of them: a child whose parent ends gets another. `pid start-time`. */
  readonly #known = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(id: string) {
    this.environment = { [marker]: id };
    this.#mark = `${marker}=${id}\0`;
    this.#timer = setInterval(() => this.#sample(), intervalMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const total = this.#members()
      .map(pid => proportionalSize(pid))
      .reduce((sum, size) => sum + size, 0);
    this.peak = Math.max(this.peak, total);
  }

  #members(): readonly string[] {
    const processes = readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .flatMap(pid => identify(pid) ?? []);
    const members = new Set<string>();
    // Children have higher numbers than their parents as long as numbers do not wrap, hence the loop.
    for (let before = -1; before < members.size; ) {
      before = members.size;
      for (const { pid, parent, key } of processes) {
        if (members.has(pid)) continue;
        if (members.has(parent) || this.#known.has(key) || this.#isMarked(pid)) {
          members.add(pid);
          this.#known.add(key);
        }
      }
    }
    return [...members];
  }

  #isMarked(pid: string): boolean {
    return `${readProc(pid, 'environ')}\0`.includes(this.#mark);
  }
}

function identify(pid: string): { pid: string; parent: string; key: string } | undefined {
  const stat = readProc(pid, 'stat');
  // The name, in parentheses, may contain anything; the parent is the second field after it, the start the twentieth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [, parent] = fields;
  return parent === undefined ? undefined : { pid, parent, key: `${pid} ${fields[19]}` };
}

function proportionalSize(pid: string): number {
  const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec(readProc(pid, 'smaps_rollup')) ?? [];
  return Number(kilobytes ?? 0) * 1024;
}

/** Empty when the process is gone, or is not ours to look at. */
function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
