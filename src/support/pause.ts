import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; when the signal is aborted meanwhile, throws its reason, as fetch does. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
