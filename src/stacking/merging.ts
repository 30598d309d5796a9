/** Lets mergers bring files together: shows them the trees, and takes what they make. */
import { type ByteString, type ContentsEntry, fromText, toText } from '../layers/index.ts';
import { type ContentReader, sha256Of } from './content-reader.ts';
import type { MergedPaths } from './decision.ts';
import type { FileVersion, MergedFile, MergeInput, PartView, Regeneration, TreeView } from './merger.ts';
import type { PartTree } from './opinions.ts';
import { parentsOf } from './paths.ts';
import { isDirectory, Pile, sameState } from './pile.ts';
import type { PolicyOf } from './policies.ts';
import type { DecidedConflict } from './types.ts';
import { IMPLIED_WANT, type MergeGroup, type Want } from './wants.ts';

export interface MergedStack {
  /** The lowest first. */
  readonly parts: readonly PartTree[];
  /** The tree of the stacked layers. */
  readonly tree: Pile;
  readonly policy: PolicyOf;
  readonly reader: ContentReader;
}

export interface Merges {
  readonly merged: readonly MergedPaths[];
  readonly conflicts: readonly DecidedConflict[];
  readonly regenerate: readonly Regeneration[];
}

/** Asks the mergers one after the other, and writes what they make into `wants`. */
export async function mergeGroups(
  groups: readonly MergeGroup[],
  wants: Map<ByteString, Want>,
  stack: MergedStack,
): Promise<Merges> {
  const merged: MergedPaths[] = [];
  const conflicts: DecidedConflict[] = [];
  const regenerate: Regeneration[] = [];
  for (const group of groups.filter(isNeeded).flatMap(each => byWhoPrevails(each, stack.policy))) {
    const { merger } = group;
    const result = await merger.merge(await inputFor(group, stack));
    for (const file of result.files) enter(file, merger.name, wants, stack.tree);
    if (result.files.length > 0) {
      merged.push({ merger: merger.name, paths: result.files.map(({ path }) => path).toSorted() });
    }
    for (const path of result.declined ?? []) {
      const conflict = group.conflicts.get(bytesOf(path));
      if (conflict) conflicts.push(conflict);
    }
    const order = stack.parts.map(({ name }) => name);
    for (const conflict of result.conflicts) {
      // Who prevails came last.
      const winner = conflict.parts.at(-1) ?? '';
      const parts = conflict.parts.toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
      conflicts.push({ ...conflict, parts, policy: stack.policy(conflict.path), winner });
    }
    regenerate.push(...(result.regenerate ?? []));
  }
  return { merged, conflicts, regenerate };
}

/** Mergers of whole databases are needed, too, when parts have changed different files of one. */
function isNeeded({ paths, disagree }: MergeGroup): boolean {
  if (disagree) return true;
  const all = new Set([...paths.values()].flat());
  return [...paths.values()].some(parts => parts.length < all.size);
}

/** Paths in which different parts prevail are merged apart, unless they are one thing. */
function byWhoPrevails(group: MergeGroup, policy: PolicyOf): readonly MergeGroup[] {
  if (group.merger.whole) return [group];
  const sorted = Map.groupBy(group.paths, ([path]) => policy(`/${toText(path)}`) === 'first');
  return [...sorted.values()].map(paths => ({ ...group, paths: new Map(paths) }));
}

async function inputFor({ merger, paths }: MergeGroup, stack: MergedStack): Promise<MergeInput> {
  const sorted = [...paths.keys()].toSorted();
  const speaking = new Set([...paths.values()].flat());
  const parts = stack.parts.filter(part => speaking.has(part));
  const base = new PileView(new Pile(commonLayers(parts)), stack.reader);
  const views = parts.map(part => {
    const silent = sorted.filter(path => !paths.get(path)?.includes(part));
    return new PartTreeView(part, base, stack.reader, new Set(silent));
  });
  // Asked for at once, so that each layer is read once.
  if (merger.unread === undefined)
    await Promise.all([base, ...views].flatMap(view => sorted.map(path => view.readBytes(path))));
  const [path = ''] = sorted;
  return {
    paths: sorted.map(each => `/${toText(each)}`),
    base,
    // Whoever prevails comes last.
    parts: stack.policy(`/${toText(path)}`) === 'first' ? views.reverse() : views,
    stacked: new PileView(stack.tree, stack.reader),
  };
}

function commonLayers([first, ...others]: readonly PartTree[]): Pile['layers'] {
  return first?.pile.layers.filter(layer => others.every(({ heights }) => heights.has(layer))) ?? [];
}

function enter(file: MergedFile, merger: string, wants: Map<ByteString, Want>, tree: Pile): void {
  const path = bytesOf(file.path);
  if (file.kind === 'removed') {
    wants.set(path, { kind: 'absent' });
    return;
  }
  const { entry, content } = file;
  const isFile = entry.type === 'file';
  const checked: ContentsEntry = {
    ...entry,
    ...{ size: isFile ? content.length : 0, sha256: isFile ? sha256Of(content) : '' },
  };
  wants.set(path, { kind: 'made', entry: withoutLink(checked), content: isFile ? content : NOTHING, merger });
  for (const parent of parentsOf(path)) {
    const want = wants.get(parent);
    if (want === undefined ? !isDirectory(tree.state(parent)) : want.kind === 'absent') {
      wants.set(parent, IMPLIED_WANT);
    }
  }
}

const NOTHING = new Uint8Array();

/** What is made is a file of its own. */
function withoutLink({ linkedTo: _, ...entry }: ContentsEntry): ContentsEntry {
  return entry;
}

function bytesOf(path: string): ByteString {
  return fromText(path.replace(/^\/+/, ''));
}

class PileView implements TreeView {
  readonly pile: Pile;
  readonly #reader: ContentReader;

  constructor(pile: Pile, reader: ContentReader) {
    this.pile = pile;
    this.#reader = reader;
  }

  read(path: string): Promise<FileVersion | undefined> {
    return this.readBytes(bytesOf(path));
  }

  async readBytes(path: ByteString): Promise<FileVersion | undefined> {
    const state = this.pile.state(path);
    if (state.kind !== 'present') return undefined;
    const { entry, source } = state;
    return { entry, content: await this.#reader.read(source.id, path, entry) };
  }

  entry(path: string): ContentsEntry | undefined {
    const state = this.pile.state(bytesOf(path));
    return state.kind === 'present' ? state.entry : undefined;
  }

  list(directory: string): readonly string[] {
    const at = bytesOf(directory);
    return [...this.pile.children(at)]
      .filter(path => this.pile.state(path).kind === 'present')
      .map(path => toText(path.slice(at === '' ? 0 : at.length + 1)))
      .toSorted();
  }
}

class PartTreeView extends PileView implements PartView {
  readonly name: string;
  readonly #base: PileView;
  /** What another part, which was built on this one's version, speaks for. */
  readonly #silent: ReadonlySet<ByteString>;

  constructor(
    { name, pile }: PartTree,
    base: PileView,
    reader: ContentReader,
    silent: ReadonlySet<ByteString>,
  ) {
    super(pile, reader);
    this.name = name;
    this.#base = base;
    this.#silent = silent;
  }

  changed(path: string): boolean {
    const at = bytesOf(path);
    if (this.#silent.has(at)) return false;
    return !sameState(this.pile.state(at), this.#base.pile.state(at));
  }
}
