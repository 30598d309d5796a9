/** What the result shall have at the paths where parts meet, and the conflicts on the way there. */
import { type ByteString, type ContentsEntry, IMPLIED_DIRECTORY, toText } from '../layers/index.ts';
import { conflictOf } from './conflicts.ts';
import { sameEntry } from './entries.ts';
import type { LayerView } from './layer-view.ts';
import type { Merger } from './merger.ts';
import { bringsBelow, directoryAt, type Opinion, type PartTree, voicesAt } from './opinions.ts';
import { highestAbove, parentOf, withParents } from './paths.ts';
import { isDirectory, type State, sameState } from './pile.ts';
import type { PolicyOf } from './policies.ts';
import type { ConflictPolicy, DecidedConflict } from './types.ts';

export type Want =
  | { readonly kind: 'absent' }
  /** As a layer has it; of a directory that is `implied` any will do. */
  | {
      readonly kind: 'taken';
      readonly entry: ContentsEntry;
      readonly implied: boolean;
      /** Undefined for a directory that no layer has. */
      readonly source: LayerView | undefined;
    }
  | {
      readonly kind: 'made';
      readonly entry: ContentsEntry;
      readonly content: Uint8Array;
      readonly merger: string;
    };

export const ABSENT: Want = { kind: 'absent' };

export const IMPLIED_WANT: Want = {
  kind: 'taken',
  entry: IMPLIED_DIRECTORY,
  implied: true,
  source: undefined,
};

export function wantOf(state: State): Want {
  if (state.kind !== 'present') return ABSENT;
  const { entry, implied, source } = state;
  return { kind: 'taken', entry, implied, source };
}

export function isGranted(want: Want, state: State): boolean {
  if (want.kind === 'absent' || state.kind !== 'present')
    return want.kind === 'absent' && state.kind !== 'present';
  const implied = state.implied || (want.kind === 'taken' && want.implied);
  if (implied && isDirectory(state) && want.entry.type === 'directory') return true;
  return sameEntry(want.entry, state.entry);
}

/** Whether it is something that nothing can be below. */
export function isBarrier(want: Want | undefined): boolean {
  return want !== undefined && want.kind !== 'absent' && want.entry.type !== 'directory';
}

/** Whether nothing is to be below it. */
export function isEnd(want: Want | undefined): boolean {
  return want?.kind === 'absent' || isBarrier(want);
}

/** Paths that one merger answers for. */
export interface MergeGroup {
  readonly merger: Merger;
  /** Who has an opinion about which path. */
  readonly paths: Map<ByteString, readonly PartTree[]>;
  /** What a path is if the merger declines it. */
  readonly conflicts: Map<ByteString, DecidedConflict>;
  /** Whether they disagree about any of them. */
  disagree: boolean;
}

/** The rule at an absolute path, for which the merger answers, if one does. */
export function ruleFor(path: string, merger: Merger | undefined, policy: PolicyOf): ConflictPolicy {
  return policy(merger?.ruledBy?.(path) ?? path);
}

export interface Weighing {
  readonly wants: Map<ByteString, Want>;
  readonly conflicts: readonly DecidedConflict[];
  readonly groups: readonly MergeGroup[];
}

export interface WeighedStack {
  /** Lowest first. */
  readonly parts: readonly PartTree[];
  /** Layers that not all parts start with. */
  readonly own: ReadonlySet<LayerView>;
  readonly policy: PolicyOf;
  readonly mergers: readonly Merger[];
}

/**
 * Weighs the opinions about the paths and about the directories above them. Each path is weighed by itself, but what
 * lies below a path about which the parts have a conflict is decided as that is.
 */
export function weigh(paths: Iterable<ByteString>, stack: WeighedStack): Weighing {
  const scale = new Scale(stack);
  for (const path of [...withParents(paths)].toSorted()) scale.weigh(path);
  keepParents(scale.wants, path => directoryAt(path, stack.parts));
  return { wants: scale.wants, conflicts: scale.conflicts, groups: [...scale.groups.values()] };
}

/** What is wanted in a directory needs the directory: as it is somewhere, if it is. */
export function keepParents(
  wants: Map<ByteString, Want>,
  directoryAt: (path: ByteString) => State | undefined,
): void {
  for (const path of [...wants.keys()].toSorted().reverse()) {
    const parent = parentOf(path);
    if (wants.get(path)?.kind === 'absent' || wants.get(parent)?.kind !== 'absent') continue;
    const state = directoryAt(parent);
    wants.set(parent, state && isDirectory(state) ? wantOf(state) : IMPLIED_WANT);
  }
}

class Scale {
  readonly wants = new Map<ByteString, Want>();
  readonly conflicts: DecidedConflict[] = [];
  readonly groups = new Map<Merger, MergeGroup>();
  readonly #stack: WeighedStack;
  readonly #barrierAbove = highestAbove(path => isBarrier(this.wants.get(path)));
  /** By path: the rule for a conflict about whether there is a directory. */
  readonly #decided = new Map<ByteString, ConflictPolicy>();

  constructor(stack: WeighedStack) {
    this.#stack = stack;
  }

  weigh(path: ByteString): void {
    // Below what is no directory nothing can be. (Where it is absent, it may yet have to be made for what is below.)
    if (this.#barrierAbove(path) !== undefined) return;
    const opinions = this.#opinions(path);
    if (opinions.length > 0) this.wants.set(path, this.#verdict(path, opinions));
  }

  #verdict(path: ByteString, opinions: readonly Opinion[]): Want {
    const [lowest] = opinions;
    const upmost = opinions.at(-1);
    if (lowest === undefined || upmost === undefined) return ABSENT;
    const text = `/${toText(path)}`;
    const agreed = opinions.every(({ state }) => sameState(state, lowest.state));
    const group = this.#leaveToMerger(path, text, opinions, agreed);
    if (agreed) return wantOf(upmost.state);
    const above = this.#decidedAbove(path, opinions);
    const policy = above ?? ruleFor(text, group?.merger, this.#stack.policy);
    const winner = policy === 'first' ? lowest : upmost;
    if (above === undefined) {
      const conflict = { ...conflictOf(path, opinions), policy, winner: winner.part.name };
      if (group) group.conflicts.set(path, conflict);
      else {
        if (!opinions.every(({ state }) => isDirectory(state))) this.#decided.set(path, policy);
        this.conflicts.push(conflict);
      }
    }
    return wantOf(winner.state);
  }

  /** Those whose own opinion it is, and those who need a directory where somebody has put something else. */
  #opinions(path: ByteString): readonly Opinion[] {
    const { parts, own: layers } = this.#stack;
    const { all, own } = voicesAt(path, parts);
    if (own.every(({ state }) => isDirectory(state))) {
      // Whoever only implies a directory takes it as others describe it.
      const describing = own.filter(({ state }) => !isImplied(state));
      return describing.length > 0 ? describing : own;
    }
    if (own.every(({ state }) => state.kind === 'removed' || isDirectory(state))) return own;
    return all.filter(
      opinion =>
        own.includes(opinion) ||
        (isDirectory(opinion.state) && bringsBelow(path, opinion.part, parts, layers)),
    );
  }

  /** The rule for the conflict about the directory with which some parts remove what others agree about. */
  #decidedAbove(path: ByteString, opinions: readonly Opinion[]): ConflictPolicy | undefined {
    const present = opinions.map(({ state }) => state).filter(state => state.kind === 'present');
    const [first] = present;
    if (first === undefined || !present.every(state => sameState(state, first))) return undefined;
    const cuts = opinions.flatMap(({ state }) => (state.kind === 'removed' ? [state.cut.at] : []));
    const policies = cuts.map(at => (at === path ? undefined : this.#decided.get(at)));
    return policies.every(policy => policy !== undefined) ? policies[0] : undefined;
  }

  /** The paths with which a merger will decide this one, if it does. */
  #leaveToMerger(
    path: ByteString,
    text: string,
    opinions: readonly Opinion[],
    agreed: boolean,
  ): MergeGroup | undefined {
    const merger = this.#stack.mergers.find(candidate => candidate.answersFor(text));
    if (merger === undefined || (agreed && merger.whole === undefined)) return undefined;
    // Directories are what mergers find their files in; who may enter them is for the rules.
    const merged = !opinions.some(({ state }) => isDirectory(state));
    if (!merged && merger.whole === undefined) return undefined;
    let group = this.groups.get(merger);
    if (group === undefined) {
      group = { merger, paths: new Map(), conflicts: new Map(), disagree: false };
      this.groups.set(merger, group);
    }
    const changed = opinions.filter(({ state }) => this.#stack.own.has(state.owner)).map(({ part }) => part);
    if (changed.length > 0) group.paths.set(path, changed);
    group.disagree ||= merged && !agreed;
    return merged ? group : undefined;
  }
}

function isImplied(state: State): boolean {
  return state.kind === 'present' && state.implied;
}
