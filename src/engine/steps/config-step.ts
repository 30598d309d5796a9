/** Steps that change what later steps and the image know. */
import type { ConfigStep } from '../../plan/types.ts';
import { configStepParts } from '../keys/key-parts.ts';
import { keyOf } from '../keys/keys.ts';
import { changeState, settleConfig } from '../state.ts';
import { packHere, type StepContext, type StepResult, throughCache } from './steps.ts';
import { DIRECTORY, missingDirectory } from './working-directory.ts';

/** Nothing of it is work, but for a working directory that is to be made. */
export async function configure(configStep: ConfigStep, step: StepContext): Promise<StepResult> {
  const { context } = step;
  const settled = settleConfig(configStep, step.state);
  const parts = configStepParts(settled);
  const state = changeState(step.state, settled);
  const directory = configStep.makeWorkingDir && state.container.WorkingDir;
  const missing = directory
    ? await missingDirectory(directory, state.container.User ?? '', step.layers, context)
    : undefined;
  const key = keyOf('config', parts);
  if (!missing) {
    const { created } = context.options.authorship;
    return { key, parts, layer: undefined, state, created, cached: true };
  }
  const { layer, created, cached } = await throughCache(
    {
      domain: DIRECTORY,
      parts: missing.parts,
      perform: pack => packHere({ kind: 'files', entries: [], parents: missing.directories }, pack, step),
    },
    { ...step, onMiss: (_, reason) => step.onMiss(parts, reason) },
  );
  return { key, parts, layer, state, created, cached };
}
