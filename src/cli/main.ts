/** The command line: what is typed becomes the call of a command, and what goes wrong an exit code. */
import { fail } from './failure.ts';
import { checkBefore } from './globals.ts';
import { describeProgram } from './program.ts';

// Set by the launcher for ourselves; builds must not see them.
const { ASHLAR_NAME: name = 'ashlar' } = process.env;
delete process.env.ASHLAR_NAME;
delete process.env.NODE_COMPILE_CACHE;

try {
  const program = describeProgram(name);
  const { operands, unknown } = program.parseOptions(process.argv.slice(2));
  if (operands.length + unknown.length > 0) await program.parseAsync();
  else {
    await checkBefore(program.opts());
    process.stdout.write(program.helpInformation());
  }
} catch (error) {
  process.exitCode = await fail(error);
}
