import type { PackedLayer, PackOptions } from '../layers/index.ts';
import type { RunStep } from '../plan/types.ts';
import { AshlarError } from '../support/errors.ts';
import { say } from './context.ts';
import { runParts } from './key-parts.ts';
import { roomOf } from './rooms.ts';
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
  { script, surroundings, failure, at }: RunStep,
  pack: PackOptions,
  { context, plan, layers, importsDirectory }: StepContext,
): Promise<PackedLayer | undefined> {
  const { workshop, signal, emit } = context;
  const room = await roomOf(surroundings, layers, importsDirectory, context);
  const result = await workshop.call(
    'run',
    { ...room, script, pack },
    {
      signal,
      onOutput: bytes => emit({ kind: 'output', image: plan.name, bytes }),
      onPacking: bytes => emit({ kind: 'packing', image: plan.name, bytes }),
      onWarning: text => say(context, plan.name, 'warning', text),
    },
  );
  switch (result.kind) {
    case 'failed':
      throw new AshlarError(`${failure}: execute failed: exit status ${result.status}`, { at });
    case 'unchanged':
      return undefined;
    case 'layer':
      return result.layer;
  }
}
