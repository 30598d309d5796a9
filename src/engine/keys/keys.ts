import { createHash } from 'node:crypto';

/**
 * Raised whenever the same key could stand for another result: a change of the engine, of the tar form or of the
 * compression that changes bytes.
 */
const ENGINE = 'ashlar engine 2';

/** One named thing that a result depends on. The names are for people (`explain`); both go into the key. */
export type KeyPart = readonly [name: string, value: string];

/**
 * The content address of a piece of work: SHA-256 over the domain and all parts, each with its length before it, so
 * that no two different lists of parts are ever the same bytes.
 */
export function keyOf(domain: string, parts: readonly KeyPart[]): string {
  const hash = createHash('sha256');
  const add = (text: string) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
  };
  for (const text of [ENGINE, domain, String(parts.length), ...parts.flat()]) add(text);
  return hash.digest('hex');
}

/** A value as text that is the same for equal values: keys sorted, absent and undefined alike. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : item,
  );
}
