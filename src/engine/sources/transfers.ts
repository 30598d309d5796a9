/** Tells of bytes that come into the store, without making them slower. */
import type { LookContext } from '../context.ts';
import type { Transfer } from '../events.ts';

/** Milliseconds between two events about one transfer. */
const INTERVAL = 100;

let transfers = 0;

/** The bytes, unchanged; whoever listens to the build hears how many have passed. */
export async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  what: Omit<Transfer, 'id'>,
  { emit }: Pick<LookContext, 'emit'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const transfer = announce(what, emit);
  let passed = 0;
  let told = performance.now();
  for await (const chunk of bytes) {
    passed += chunk.length;
    const now = performance.now();
    if (now - told >= INTERVAL) {
      told = now;
      emit({ kind: 'transfer-progress', transfer, bytes: passed });
    }
    yield chunk;
  }
  emit({ kind: 'transfer-finished', transfer, bytes: passed });
}

/** Does what brings `size` bytes into the store in one go. */
export async function watchedWhole(
  what: Omit<Transfer, 'id'> & { readonly size: number },
  { emit }: Pick<LookContext, 'emit'>,
  work: () => Promise<void>,
): Promise<void> {
  const transfer = announce(what, emit);
  await work();
  emit({ kind: 'transfer-finished', transfer, bytes: what.size });
}

function announce(what: Omit<Transfer, 'id'>, emit: LookContext['emit']): Transfer {
  transfers += 1;
  const transfer = { ...what, id: transfers };
  emit({ kind: 'transfer-started', transfer });
  return transfer;
}
