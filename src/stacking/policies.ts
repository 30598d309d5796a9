/** Which rule decides a conflict. */
import type { ConflictPolicy, ConflictRules } from './types.ts';

/** Answers for absolute paths. */
export type PolicyOf = (path: string) => ConflictPolicy;

export async function policyOf({ policy, paths }: ConflictRules): Promise<PolicyOf> {
  if (paths.length === 0) return () => policy;
  const { default: picomatch } = await import('picomatch');
  // The last one decides, so it is tried first.
  const globs = paths
    .map(rule => ({ matches: picomatch(rule.glob, { dot: true, noextglob: true }), policy: rule.policy }))
    .reverse();
  return path => globs.find(({ matches }) => matches(path))?.policy ?? policy;
}
