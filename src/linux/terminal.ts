import { isatty } from 'node:tty';
import { declare } from './native.ts';

const getpgrp = declare('int getpgrp()');
const tcgetpgrp = declare('int tcgetpgrp(int fd)');
const tcsetpgrp = declare('int tcsetpgrp(int fd, int group)');
const setHandler = declare('intptr_t signal(int number, intptr_t handler)');

const SIGTTOU = 22;
const SIG_DFL = 0;
const SIG_IGN = 1;

/**
 * Lets others have the terminal at `fd` until the result is disposed: then it is ours again, if it was before. A shell
 * with job control makes itself the one that may read there; in a process namespace it cannot give that back to us.
 */
export function lendTerminal(fd: number): Disposable {
  const group = getpgrp(undefined);
  const ours = isatty(fd) && tcgetpgrp(undefined, fd) === group;
  return {
    [Symbol.dispose]: () => {
      if (!ours || tcgetpgrp(undefined, fd) === group) return;
      // Who does not have the terminal is stopped for setting this, unless the signal is ignored.
      setHandler(undefined, SIGTTOU, SIG_IGN);
      tcsetpgrp(undefined, fd, group);
      setHandler(undefined, SIGTTOU, SIG_DFL);
    },
  };
}
