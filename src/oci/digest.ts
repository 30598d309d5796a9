import { createHash } from 'node:crypto';
import { AshlarError } from '../support/errors.ts';
import type { Descriptor, Digest } from './types.ts';

const hexDigits = { sha256: 64, sha512: 128 } as const;
type Algorithm = keyof typeof hexDigits;

/** Bytes in pieces; an array of them will do. */
export type ByteStream = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

// image-spec descriptor.md, "Digests".
const grammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([A-Za-z0-9=_-]+)$/;

/**
 * The digest in `text`. Only sha256 and sha512 with the right number of lower-case hexadecimal digits pass, so that a
 * digest can be used as part of a path. Throws AshlarError for anything else.
 */
export function parseDigest(text: string): Digest {
  const [, algorithm = '', encoded = ''] = grammar.exec(text) ?? [];
  if (algorithm === '') throw new AshlarError(`not a digest: ${JSON.stringify(text)}`);
  if (!isAlgorithm(algorithm)) {
    throw new AshlarError(`digest ${text} has an unknown algorithm`, { hint: 'use sha256 or sha512' });
  }
  if (encoded.length !== hexDigits[algorithm] || !/^[0-9a-f]+$/.test(encoded)) {
    throw new AshlarError(
      `digest ${text} does not have ${hexDigits[algorithm]} lower-case hexadecimal digits`,
    );
  }
  return `${algorithm}:${encoded}`;
}

function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(hexDigits, name);
}

/** The SHA-256 of the bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** What identifies the tree of layers by their diff IDs (image-spec config.md, "Layer ChainID"); of none, of no bytes. */
export function chainId(diffIds: readonly Digest[]): Digest {
  const [first = digestOf(Buffer.of()), ...others] = diffIds;
  return others.reduce<Digest>((below, diffId) => digestOf(Buffer.from(`${below} ${diffId}`)), first);
}

/** The two parts of a digest, as they name a blob's directory and file in an image layout. */
export function digestParts(digest: Digest): { readonly algorithm: Algorithm; readonly hex: string } {
  const colon = digest.indexOf(':');
  const algorithm = digest.slice(0, colon);
  if (!isAlgorithm(algorithm)) throw new AshlarError(`digest ${digest} has an unknown algorithm`);
  return { algorithm, hex: digest.slice(colon + 1) };
}

/**
 * Passes `source` through and compares it with the descriptor: the last chunk is passed on only when size and digest
 * are right, so that whoever gets all bytes gets the right ones. Throws AshlarError otherwise; what was passed on
 * before is then not to be trusted.
 */
export async function* verifying(
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  source: ByteStream,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { algorithm, hex } = digestParts(digest);
  const hash = createHash(algorithm);
  let seen = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of source) {
    seen += chunk.length;
    if (seen > size)
      throw new AshlarError(`blob ${digest} is longer than the ${size} bytes of its descriptor`);
    hash.update(chunk);
    if (last) yield last;
    last = chunk;
  }
  if (seen < size) throw new AshlarError(`blob ${digest} is truncated: ${seen} of ${size} bytes`);
  const actual = hash.digest('hex');
  if (actual !== hex)
    throw new AshlarError(`blob ${digest} is damaged: its digest is ${algorithm}:${actual}`);
  if (last) yield last;
}

/** The whole content of a verified stream. Only for documents: the caller has capped `descriptor.size`. */
export async function verifiedBytes(
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  source: ByteStream,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of verifying(descriptor, source)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Throws AshlarError unless the bytes have this digest. */
export function verifyBytes(digest: Digest, bytes: Uint8Array, what: string): void {
  const { algorithm, hex } = digestParts(digest);
  const actual = createHash(algorithm).update(bytes).digest('hex');
  if (actual !== hex)
    throw new AshlarError(`${what} is damaged: its digest is ${algorithm}:${actual}, not ${digest}`);
}
