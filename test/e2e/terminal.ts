/** ashlar as somebody at a terminal uses it. */
import { ashlarProgram, execute, type Project } from './support.ts';

/** Says how the command ended, the settings of the terminal, and whether it is ours to read from. */
const AFTERWARDS = `
echo status $?
echo settings $(stty -a | grep -o -w -e '-\\?icanon' -e '-\\?echo')
read -r pid name state parent group session terminal foreground rest < /proc/$$/stat
test "$group" = "$foreground" && echo foreground
`;

/**
 * Runs ashlar on a terminal of 33 rows and 77 columns, with colours and pictures left out, and types `input` there.
 * `output` is what the terminal shows, as plain lines.
 */
export async function onTerminal(
  project: Project,
  args: readonly string[],
  input: string,
): Promise<{ readonly status: number; readonly output: string }> {
  const words = [ashlarProgram, ...args].map(word => `'${word}'`);
  const session = project.write('session', `stty rows 33 cols 77\n${words.join(' ')}\n${AFTERWARDS}`);
  const { status, stdout } = await execute('script', ['-qec', `sh ${session}`, '/dev/null'], {
    cwd: project.path,
    env: { ...project.environment({ NO_COLOR: '1' }), SHELL: '/bin/sh' },
    input,
  });
  return { status, output: stdout.replaceAll('\r', '').replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, '') };
}
