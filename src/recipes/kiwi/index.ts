/**
 * KIWI image descriptions (`config.xml`, `*.kiwi`): reading, includes, upgrade, checks, and what they mean for one type
 * and a choice of profiles. Nothing is built here. The rules are those of KIWI 10, schemas 7.4 to 8.5.
 */
export { bundleFormat, bundleNames, parseResults } from './bundle.ts';
export { identifyKiwi } from './identity.ts';
export {
  type KiwiFileOptions,
  type KiwiVariant,
  listKiwiTypes,
  readKiwi,
  readKiwiOfTree,
} from './load.ts';
export type { KiwiChoice, KiwiDescription } from './model.ts';
export {
  type DescriptionChanges,
  type GivenRepository,
  noChanges,
  parseRepository,
  resolveChanged,
} from './plan/changes.ts';
export { type KiwiPlanOptions, noPackageChoice, type PackageChoice, type Part } from './plan/options.ts';
export { IMAGE_ROOT } from './plan/outputs.ts';
export { planBuild, planRebuild } from './plan/plan.ts';
export { refusalsOf } from './plan/refusals.ts';
export { BUNDLE_FORMAT, type ResultEntry, resultText } from './plan/results.ts';
export { type KiwiSource, resolveDescription } from './resolve/description.ts';
export { kiwiState, listKiwiStates } from './state.ts';
