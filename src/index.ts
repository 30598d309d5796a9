/**
 * ashlar as a library: load a description into a Plan, build the Plan, look at images. The command line is made of
 * nothing else.
 */
export {
  type BuildEvent,
  type BuildOptions,
  type BuildReport,
  type BuiltImage,
  buildPlan,
  type Change,
  type EventSink,
  type Explanation,
  explainPlan,
  type MadeOutput,
} from './engine/index.ts';
export * as layers from './layers/index.ts';
export * as oci from './oci/index.ts';
export type * from './plan/outputs.ts';
export type * from './plan/types.ts';
export {
  type CekitOptions,
  type Checkout,
  type Description,
  loadCekitPlan,
  type Override,
} from './recipes/cekit/index.ts';
export { loadStackerPlan, type StackerOptions, type StackerRecipe } from './recipes/stacker/index.ts';
export { AshlarError, type SourceSpan } from './support/errors.ts';
