/** Copies files into an image: one layer out of all items of a step, in one pass. */
import type { ParentDirectory } from '../../layers/index.ts';
import type { CopyItem, CopyStep } from '../../plan/types.ts';
import { say } from '../context.ts';
import { copyParts } from '../keys/key-parts.ts';
import type { ResolvedSource } from '../sources/sources.ts';
import { directoriesBelow } from './directories-below.ts';
import { extract } from './extract.ts';
import {
  checkUnchanged,
  packHere,
  packInside,
  type StepContext,
  type StepResult,
  throughCache,
} from './steps.ts';
import { findTarget, targetOf } from './targets.ts';
import { noneLater, timeBelow } from './written.ts';

interface PlacedItem {
  readonly item: CopyItem;
  readonly source: ResolvedSource;
  /** With the symbolic links on the way followed. */
  readonly target: string;
  readonly parents: readonly ParentDirectory[];
}

export async function copy(copyStep: CopyStep, step: StepContext): Promise<StepResult> {
  const { context, layers } = step;
  const archive = copyStep.items.find(item => item.extract);
  if (archive) {
    if (copyStep.items.length > 1) throw new Error('an archive is extracted in a step of its own');
    return extract(archive, step);
  }
  const placed = await Promise.all(copyStep.items.map(item => place(item, step)));
  const items = placed.map(({ source: { identity }, ...rest }) => ({ ...rest, identity }));
  const parents = allParents(placed);
  const time = await timeBelow(layers, context);
  return throughCache(
    {
      domain: 'copy',
      parts: copyParts(items, parents, layers, time, context.options),
      perform: async changes => {
        const pack = noneLater(changes);
        for (const one of placed) sayPatched(one, step);
        const located = await Promise.all(
          placed.map(async ({ item, source, target }) => {
            const { keep, mode, uid, gid, throughLinks } = item;
            const entry = {
              target,
              keep,
              uid,
              gid,
              ...(mode !== undefined && { mode }),
              ...(throughLinks && { throughLinks }),
            };
            return { ...entry, location: await source.locate(), inside: source.inside };
          }),
        );
        const through = copyStep.items.some(item => item.throughLinks);
        const tree = { parents, ...(through && { below: await directoriesBelow(layers, context) }) };
        const onHost = located.flatMap(({ location, inside, ...entry }) =>
          location.kind === 'host' && !inside ? [{ ...entry, source: location.path }] : [],
        );
        const packed =
          onHost.length === located.length
            ? await packHere({ kind: 'files', entries: onHost, ...tree }, pack, step)
            : await packInside({ kind: 'copy', items: located, ...tree, pack }, step);
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
