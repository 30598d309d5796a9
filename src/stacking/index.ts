/**
 * Stacks images: layers of several parts one above the other, each once. Finds what the parts disagree about from the
 * contents of their layers, decides it by rules, and brings databases and shared files together by what they mean.
 * Knows neither plans nor where layers are kept.
 */
export { type AppliedImage, type ApplyOptions, decideApply } from './apply.ts';
export { conflictLines, refuseConflicts } from './conflicts.ts';
export { decideStack } from './decide.ts';
export type {
  ApplyDecision,
  LayerFiles,
  MergedPaths,
  MovedLayer,
  SharedLayer,
  StackDecision,
} from './decision.ts';
export type {
  FileVersion,
  MergedFile,
  MergeInput,
  MergeResult,
  Merger,
  PartView,
  Regeneration,
  TreeView,
} from './merger.ts';
export { mergers } from './mergers/index.ts';
export { steadyRpmDatabase } from './mergers/rpm-times.ts';
export {
  describePackages,
  type InstalledPackage,
  type InstalledPackages,
  type PackageDetails,
  packagesIn,
  rpmFilesIn,
} from './packages/list.ts';
export { RPM_DATABASE, RPM_DIRECTORIES, RPM_JOURNAL } from './packages/rpm-database.ts';
export { differenceOf } from './packages/rpm-files.ts';
export { compareVersions, type PackageManager } from './packages/versions.ts';
export {
  parseStackRecord,
  type RecordedLayers,
  STACK_ANNOTATION,
  type StackRecord,
  stackRecord,
} from './record.ts';
export { type LayeredPart, type SeparateEntry, separateTrees } from './separate.ts';
export type {
  Conflict,
  ConflictKind,
  ConflictPolicy,
  ConflictRules,
  Correction,
  DecidedConflict,
  StackLayer,
  StackPart,
} from './types.ts';
export { type SizedLayer, type StackProof, verifyStack } from './verify.ts';
