/**
 * Stacks images: layers of several parts one above the other, each once. Finds what the parts disagree about from the
 * contents of their layers, decides it by rules, and brings databases and shared files together by what they mean.
 * Knows neither plans nor where layers are kept.
 */
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
