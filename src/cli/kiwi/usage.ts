import { UsageError } from '../failure.ts';

/** A command line of `system` that makes no sense: scripts tell it from a failed build by the exit code. */
export class SystemUsageError extends UsageError {
  override readonly status: number = 2;
}
