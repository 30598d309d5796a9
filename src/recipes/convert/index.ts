/**
 * CEKit descriptors as stacker files and back. Both mean a Plan, and so what is written is made of the Plan: of what
 * the one description means, in the words of the other. Nothing is built.
 */
export { type Descriptors, type PlanToCekitOptions, planToCekit } from './to-cekit.ts';
export { type PlanToStackerOptions, planToStacker, type StackerFile } from './to-stacker.ts';
