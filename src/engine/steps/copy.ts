/** Copies files into an image: one layer out of all items of a step, in one pass. */
import type { ParentDirectory } from '../../layers/index.ts';
import type { CopyItem, CopyStep } from '../../plan/types.ts';
import { say } from '../context.ts';
import { copyParts } from '../keys/key-parts.ts';
import type { ResolvedSource } from '../sources/sources.ts';
import {
  checkUnchanged,
  packHere,
  packInside,
  type StepContext,
  type StepResult,
  throughCache,
} from './steps.ts';
import { findTarget, targetOf } from './targets.ts';

interface PlacedItem {
  readonly item: CopyItem;
  readonly source: ResolvedSource;
  /** With the symbolic links on the way followed. */
  readonly target: string;
  readonly parents: readonly ParentDirectory[];
}

export async function copy(copyStep: CopyStep, step: StepContext): Promise<StepResult> {
  const { options } = step.context;
  const placed = await Promise.all(copyStep.items.map(item => place(item, step)));
  const items = placed.map(({ source: { identity }, ...rest }) => ({ ...rest, identity }));
  const parents = allParents(placed);
  return throughCache(
    {
      domain: 'copy',
      parts: copyParts(items, parents, options),
      perform: async pack => {
        for (const one of placed) sayPatched(one, step);
        const located = await Promise.all(
          placed.map(async ({ item, source, target }) => {
            const { keep, mode, uid, gid } = item;
            const entry = { target, keep, uid, gid, ...(mode !== undefined && { mode }) };
            return { ...entry, location: await source.locate(), inside: source.inside };
          }),
        );
        const onHost = located.flatMap(({ location, inside, ...entry }) =>
          location.kind === 'host' && !inside ? [{ ...entry, source: location.path }] : [],
        );
        const packed =
          onHost.length === located.length
            ? await packHere({ kind: 'files', entries: onHost, parents }, pack, step)
            : await packInside({ kind: 'copy', items: located, parents, pack }, step);
        for (const { item, source } of placed) await checkUnchanged(item.source, source, step);
        return packed;
      },
    },
    step,
  );
}

async function place(item: CopyItem, { sources, layers, state, context }: StepContext): Promise<PlacedItem> {
  const source = sources.of(item.source);
  const kind = source.type === 'directory' ? 'directory' : 'file';
  const { path: target, parents } = await findTarget(targetOf(item, state), kind, layers, context);
  return { item, source, target, parents };
}

function sayPatched({ item, target }: PlacedItem, { context, plan, state }: StepContext): void {
  const wanted = targetOf(item, state);
  if (target === wanted) return;
  say(context, plan.name, 'info', `overlay dest ${wanted} is a symlink, patching to ${target}`);
}

/** What the items have above them, each directory once. */
export function allParents(
  placed: readonly { readonly parents: readonly ParentDirectory[] }[],
): readonly ParentDirectory[] {
  const all = placed.flatMap(({ parents }) => parents);
  return [...new Map(all.map(parent => [parent.path, parent])).values()];
}
