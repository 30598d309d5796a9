import { sourcesOfStep } from '../../plan/step-sources.ts';
import type { PackagesStep } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { packagesParts } from '../keys/system-parts.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';

/** Installs and removes packages of the tree built so far; what that changed becomes a layer. */
export async function installPackages(packages: PackagesStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers, sources } = step;
  const keys = sourcesOfStep(packages).map(source => sources.of(source));
  return throughCache(
    {
      domain: 'packages',
      parts: packagesParts(packages, plan, keys, layers, context.options),
      perform: async () => {
        throw new AshlarError('not built in yet');
      },
    },
    step,
  );
}
