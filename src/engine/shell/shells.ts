import { lendTerminal } from '../../linux/index.ts';
import type { LookContext } from '../context.ts';
import type { ShellRequest } from '../inside/requests.ts';

/** Runs a command in a tree with the input and output of the user; returns its exit status. */
export async function runShell(
  request: ShellRequest,
  { workshop, signal }: Pick<LookContext, 'workshop' | 'signal'>,
): Promise<number> {
  using _lent = lendTerminal(0);
  return await workshop.call('shell', request, { signal });
}
