/** What a benchmark consists of: workloads, the programs that do them, and what is to be reached. */

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/** One program doing a workload. */
export interface Contender {
  /** `ashlar`, or what the table calls the peer. */
  readonly name: string;
  /** Programs without which it cannot take part. */
  readonly needs?: readonly string[];
  /** Not timed: makes what this run works on, and removes what it must not find. The warm-up is run 0. */
  prepare?(run: number): Promise<void> | void;
  readonly command: Command;
  /** Bytes of what the last run made, where workloads compare them. */
  size?(): number;
  /** Only its result is of interest, so it runs once and its time is not compared. */
  readonly once?: boolean;
}

export type Target =
  | { readonly kind: 'seconds'; readonly atMost: number }
  /** Of the median times, ashlar's to that of the contender with this name. */
  | { readonly kind: 'ratio'; readonly to: string; readonly atMost: number }
  /** The same of the results' sizes. */
  | { readonly kind: 'size'; readonly to: string; readonly atMost: number }
  /** What the contender with this name counts as its size. */
  | { readonly kind: 'bytes'; readonly of: string; readonly atMost: number };

export interface Race {
  /** ashlar comes first. */
  readonly contenders: readonly [Contender, ...Contender[]];
  readonly targets: readonly Target[];
  /** Bytes that ashlar may take; what is usual when absent. */
  readonly memory?: number;
}

export interface Workload {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** Programs without which it is left out. */
  readonly needs?: readonly string[];
  prepare(): Promise<Race>;
}
