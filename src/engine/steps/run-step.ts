import type { PackedLayer, PackOptions } from '../../layers/index.ts';
import type { RunStep } from '../../plan/types.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { say } from '../context.ts';
import type { Room } from '../inside/requests.ts';
import { runParts } from '../keys/key-parts.ts';
import { runShell } from '../shell/shells.ts';
import { OutputTail } from './failing-line.ts';
import { roomOf } from './rooms.ts';
import { scriptFailure } from './script-failure.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';

/** Runs a script in the tree built so far; what it changed becomes a layer. */
export async function run(runStep: RunStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers, imports } = step;
  return throughCache(
    {
      domain: 'run',
      parts: runParts(runStep, plan, imports, layers, context.options),
      always: runStep.surroundings.binds.length > 0,
      perform: pack => perform(runStep, pack, step),
    },
    step,
  );
}

async function perform(
  runStep: RunStep,
  pack: PackOptions,
  step: StepContext,
): Promise<PackedLayer | undefined> {
  const { context, plan, layers, importsDirectory } = step;
  const { workshop, signal, emit, options } = context;
  const { script, surroundings } = runStep;
  const room = await roomOf(surroundings, layers, importsDirectory, context);
  const tail = new OutputTail();
  const result = await workshop.call(
    'run',
    { ...room, script, pack, keepFailed: options.onRunFailure !== undefined },
    {
      signal,
      onOutput: bytes => {
        tail.add(bytes);
        emit({ kind: 'output', image: plan.name, bytes });
      },
      onPacking: bytes => emit({ kind: 'packing', image: plan.name, bytes }),
      onWarning: text => say(context, plan.name, 'warning', text),
    },
  );
  switch (result.kind) {
    case 'failed':
      if (result.changes !== undefined) {
        workshop.removeAtEnd(result.changes);
        await runOnFailure(room, result.changes, step);
      }
      throw scriptFailure(
        runStep,
        result.status,
        tail,
        options.onRunFailure ? undefined : '--shell-fail opens a shell in the tree as the failed run left it',
      );
    case 'unchanged':
      return undefined;
    case 'layer':
      return result.layer;
  }
}

/** Runs what the user wants to run where a script has failed. What becomes of it changes nothing. */
async function runOnFailure(room: Room, changes: string, { context, plan }: StepContext): Promise<void> {
  const { options, terminal, signal } = context;
  const { onRunFailure: command = [] } = options;
  using taken = await terminal.take(plan.name);
  if (!taken) return;
  try {
    const status = await runShell({ ...room, command, changes }, context);
    if (status !== 0) throw new AshlarError(`exit status ${status}`);
  } catch (error) {
    signal.throwIfAborted();
    say(context, plan.name, 'info', `failed executing ${command.join(' ')}: ${messageOf(error)}`);
  }
}
