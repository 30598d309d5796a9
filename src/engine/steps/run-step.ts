import type { RunStep } from '../../plan/types.ts';
import type { BuildContext } from '../context.ts';
import type { ChangesPack, Room } from '../inside/request-parts.ts';
import { runParts } from '../keys/key-parts.ts';
import { roomOf } from './rooms.ts';
import { runInRoom } from './running.ts';
import { scriptFailure } from './script-failure.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';
import { epochOf } from './written.ts';

/** Runs a script in the tree built so far; what it changed becomes a layer. */
export async function run(runStep: RunStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers, imports, importsDirectory } = step;
  const { script, surroundings } = runStep;
  return throughCache(
    {
      domain: 'run',
      parts: runParts(runStep, plan, imports, layers, context.options),
      always: surroundings.binds.length > 0,
      perform: async pack =>
        runInRoom(
          withEpoch(pack, context, await roomOf(surroundings, layers, importsDirectory, context)),
          { kind: 'script', script },
          (status, output, advice) => scriptFailure(runStep, status, output, advice),
          pack,
          step,
        ),
    },
    step,
  );
}

/** What scripts of descriptions make, an initrd for example, is not to say when they ran. */
function withEpoch(pack: ChangesPack, { options }: BuildContext, room: Room): Room {
  const epoch = epochOf(pack);
  if (!options.steadyTimes || epoch === undefined) return room;
  return { ...room, environment: { SOURCE_DATE_EPOCH: String(epoch), ...room.environment } };
}
