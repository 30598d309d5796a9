/** Steps that change what later steps and the image know. */
import type { ConfigStep } from '../../plan/types.ts';
import { configStepParts } from '../keys/key-parts.ts';
import { keyOf } from '../keys/keys.ts';
import { changeState, settleConfig } from '../state.ts';
import type { StepContext, StepResult } from './steps.ts';

/** Nothing of it is work, so it always counts as known. */
export function configure(step: ConfigStep, { state, context: { options } }: StepContext): StepResult {
  const settled = settleConfig(step, state);
  const parts = configStepParts(settled);
  return {
    key: keyOf('config', parts),
    parts,
    layer: undefined,
    state: changeState(state, settled),
    created: options.authorship.created,
    cached: true,
  };
}
