/** The one door to libc: declares a function and turns its errno into a `SystemCallError`. */
import koffi from 'koffi';
import { SystemCallError } from './errors.ts';
import type { Name } from './name.ts';

const libc = koffi.load(null);
koffi.alias('ssize_t', 'intptr_t');
koffi.alias('mode_t', 'uint32_t');

/** errno itself, the one of this thread. */
const errno = new Int32Array(
  koffi.view(libc.func('void *__errno_location()')(), Int32Array.BYTES_PER_ELEMENT),
);

type Argument = number | bigint | string | Uint8Array | BigInt64Array | BigUint64Array | null | undefined;

/** A libc function that returns -1 on failure. Calls are synchronous. `path` names what the call was about. */
export function declare(prototype: string): (path: Name | undefined, ...args: readonly Argument[]) => number {
  const call = libc.func(prototype);
  const name = /(\w+)\(/.exec(prototype)?.[1] ?? prototype;
  return (path, ...args) => {
    const result: number | bigint = call(...args);
    // Looked at before anything else is done, be it asking koffi for it: Node.js may collect garbage at any moment, and
    // the system calls that this takes set errno, too.
    const reason = errno[0] ?? 0;
    if (result < 0) throw new SystemCallError(reason, name, path);
    return Number(result);
  };
}

/** A C string. A NUL inside a name would silently cut it, so it is refused. */
export function cString(name: Name): Uint8Array {
  const bytes = Buffer.from(typeof name === 'string' ? `${name}\0` : Buffer.concat([name, Buffer.of(0)]));
  if (bytes.indexOf(0) !== bytes.length - 1) throw new SystemCallError(22, 'name with a NUL byte', name);
  return bytes;
}
