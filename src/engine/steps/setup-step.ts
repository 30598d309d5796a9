import type { SetupStep } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { setupParts } from '../keys/system-parts.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';

/** Changes files of the tree built so far without running anything of it; what it changed becomes a layer. */
export async function setUp(setup: SetupStep, step: StepContext): Promise<StepResult> {
  const { context, layers } = step;
  return throughCache(
    {
      domain: 'setup',
      parts: setupParts(setup, layers, context.options),
      perform: async () => {
        throw new AshlarError('not built in yet');
      },
    },
    step,
  );
}
