import { declare } from './native.ts';

const waitpid = declare('int waitpid(int pid, void *status, int options)');

const WNOHANG = 1;

/** Lets a child that has ended go. It must be none that Node.js has started: that one waits for it itself. */
export function reap(pid: number): void {
  waitpid(undefined, pid, null, WNOHANG);
}
