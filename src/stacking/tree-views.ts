/** Trees as mergers see them. */
import { type ByteString, type ContentsEntry, fromText, toText } from '../layers/index.ts';
import type { ContentReader } from './content-reader.ts';
import type { FileVersion, PartView, TreeView } from './merger.ts';
import type { PartTree } from './opinions.ts';
import { type Pile, sameState } from './pile.ts';

export function bytesOf(path: string): ByteString {
  return fromText(path.replace(/^\/+/, ''));
}

/** What layers give. */
export class PileView implements TreeView {
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

export class PartTreeView extends PileView implements PartView {
  readonly name: string;
  readonly #base: PileView;

  constructor({ name, pile }: PartTree, base: PileView, reader: ContentReader) {
    super(pile, reader);
    this.name = name;
    this.#base = base;
  }

  changed(path: string): boolean {
    const at = bytesOf(path);
    return !sameState(this.pile.state(at), this.#base.pile.state(at));
  }
}
