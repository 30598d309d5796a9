/**
 * Stacker files (`stacker.yaml`) become a Plan here: placeholders are replaced, YAML 1.1 is read, and every directive
 * is checked with its place in the file. Nothing is built and, besides stacker files, substitute files and the state
 * of git, nothing is looked at. The format is the one of project-stacker, in its older and its present form.
 */
export { type Finding, lintStackerFiles } from './lint.ts';
export { loadStackerPlan, type StackerRecipe } from './load.ts';
export type { StackerOptions } from './options.ts';
export { undescribedShell } from './run.ts';
export { type JsonSchema, stackerSchema } from './schema.ts';
