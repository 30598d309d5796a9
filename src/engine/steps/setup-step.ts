import type { SetupStep } from '../../plan/types.ts';
import { say } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import { setupParts } from '../keys/system-parts.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';

/** Changes files of the tree built so far without running anything of it; what it changed becomes a layer. */
export async function setUp(setup: SetupStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers } = step;
  const { workshop, signal, emit } = context;
  return throughCache(
    {
      domain: 'setup',
      parts: setupParts(setup, layers, context.options),
      perform: async pack =>
        workshop.call(
          'setUp',
          { layers: await treeLayers(layers, context), changes: setup.changes, pack },
          {
            signal,
            onPacking: bytes => emit({ kind: 'packing', image: plan.name, bytes }),
            onWarning: text => say(context, plan.name, 'warning', text),
          },
        ),
    },
    step,
  );
}
