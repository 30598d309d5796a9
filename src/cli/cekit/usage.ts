import { UsageError } from '../failure.ts';

/** A command line that CEKit would not have understood either: scripts tell it by the exit code. */
export class CekitUsageError extends UsageError {
  override readonly status: number = 2;
}
