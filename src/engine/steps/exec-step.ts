/** Commands that run in the tree built so far as a container of the image would. */
import type { ExecStep } from '../../plan/types.ts';
import { execParts, settleExec } from '../keys/exec-parts.ts';
import { roomOf } from './rooms.ts';
import { runInRoom } from './running.ts';
import { commandFailure } from './script-failure.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';

/** Runs a command as the image's container would; what it changed becomes a layer. */
export async function exec(execStep: ExecStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers, state, importsDirectory } = step;
  const settled = settleExec(execStep, state, context.options);
  const { command, user, directory, environment } = settled;
  const surroundings = {
    environment: { defaults: {}, passThrough: [], set: environment },
    binds: [],
    importDirectories: [],
  };
  return throughCache(
    {
      domain: 'exec',
      parts: execParts(settled, plan, layers, context.options),
      perform: async pack => {
        const room = await roomOf(surroundings, layers, importsDirectory, context);
        return runInRoom(
          { ...room, identity: { user, directory } },
          { kind: 'command', command },
          (status, output, advice) => commandFailure(execStep, status, output, advice),
          pack,
          step,
        );
      },
    },
    step,
  );
}
