/** The part of `check` that costs nothing: what can be known without starting anything, before a long build begins. */
import { namespaceObstacle } from '../../sandbox/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { decimalSize } from '../size.ts';
import { fileSystemOf, STORE_CURE, unfitStore } from './file-systems.ts';

/** Bytes below which hardly any build comes to an end. */
const NO_SPACE = 200_000_000;

export interface Work {
  /** Directories that will be written to. */
  readonly store: string;
  readonly output: string;
  /** Whether something will run in trees, unless it is known from earlier builds. */
  readonly runs: boolean;
}

/**
 * Warns of what may go wrong on this machine. @throws AshlarError for what will.
 */
export function checkBeforeWork({ store, output, runs }: Work, warn: (text: string) => void): void {
  for (const directory of new Set([store, output])) {
    const { free } = fileSystemOf(directory);
    if (free < NO_SPACE) warn(`only ${decimalSize(free)} are free for ${directory}`);
  }
  if (!runs) return;
  const unfit = unfitStore(store);
  if (unfit !== undefined) throw new AshlarError(unfit, { hint: STORE_CURE });
  // No errors yet: what is known from earlier builds needs no namespaces.
  if (!findProgram('unshare')) warn("cannot find the program 'unshare'; install the package util-linux");
  const obstacle = namespaceObstacle();
  if (obstacle) warn(`${obstacle.what}; ${obstacle.cure}`);
}
