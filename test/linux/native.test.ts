import { lstatSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import koffi from 'koffi';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { declare } from '../../src/linux/native.ts';

describe('a system call that fails', () => {
  afterEach(() => vi.restoreAllMocks());

  it('says why it failed, and not what Node.js met with afterwards', () => {
    const { errno } = koffi;
    // Garbage that is collected when koffi is called sets errno too; nobody can tell when that will be.
    vi.spyOn(koffi, 'errno').mockImplementation(() => {
      lstatSync('/no/such/file', { throwIfNoEntry: false });
      return errno();
    });
    const close = declare('int close(int fd)');
    expect(() => close('the file', -1)).toThrow(/^EBADF: .*, close 'the file'$/);
  });

  it('says so in every thread, each for itself', async () => {
    const script = `
      import { parentPort } from 'node:worker_threads';
      import { getXattr, mkdirAt } from '${new URL('../../src/linux/index.ts', import.meta.url)}';
      const codes = [() => getXattr('/no/such/file', 'user.a'), () => mkdirAt(-100, '/', 0o755)].map(call => {
        try {
          return call();
        } catch (error) {
          return error.code;
        }
      });
      parentPort.postMessage([...codes, getXattr('/proc', 'user.a')]);`;
    const answer = await new Promise<unknown>((resolve, reject) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
      worker.on('message', resolve).on('error', reject);
    });
    expect(answer).toEqual(['ENOENT', 'EEXIST', undefined]);
  });
});
