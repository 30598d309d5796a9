import { writeSync } from 'node:fs';
import { codeOf } from '../support/errors.ts';
import { exitStatus } from '../support/signals.ts';

/**
 * Ends the process when what it prints cannot be written: without a word when the reader has gone (`| head`), as SIGPIPE
 * ends other programs; with an error when a disk is full.
 */
export function endWithLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end);
}

function end(error: Error): never {
  if (codeOf(error) === 'EPIPE') process.exit(exitStatus(null, 'SIGPIPE'));
  try {
    writeSync(process.stderr.fd, `error: cannot write the output: ${error.message}\n`);
  } catch {
    // Standard error is what cannot be written.
  }
  process.exit(1);
}
