/** The command line: what is typed becomes the call of a command, and what goes wrong an exit code. */
import { fail } from './failure.ts';
import { checkBefore } from './globals.ts';
import { readGoFlags } from './go-flags.ts';
import { endWithLostOutput } from './lost-output.ts';
import { describeProgram } from './program.ts';

// Set by the launcher for ourselves; builds must not see them.
const { ASHLAR_NAME: name = 'ashlar' } = process.env;
delete process.env.ASHLAR_NAME;
delete process.env.NODE_COMPILE_CACHE;

endWithLostOutput();
try {
  const program = describeProgram(name);
  const words = readGoFlags(process.argv.slice(2), program);
  const { operands, unknown } = program.parseOptions([...words]);
  if (operands.length + unknown.length > 0) await program.parseAsync(words, { from: 'user' });
  else {
    // What CEKit calls config and work-dir is not ours.
    await checkBefore(name.startsWith('cekit') ? {} : program.opts());
    process.stdout.write(program.helpInformation());
  }
} catch (error) {
  process.exitCode = await fail(error);
}
