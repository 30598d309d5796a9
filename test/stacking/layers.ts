/** Layers made by hand: their contents, and the bytes of their files. */
import { createHash } from 'node:crypto';
import { type ByteString, type ContentsEntry, fromText, type LayerContents } from '../../src/layers/index.ts';
import type { LayerFiles, StackLayer, StackPart } from '../../src/stacking/index.ts';

export interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: bigint;
  readonly xattrs?: Readonly<Record<string, string>>;
}

type Thing =
  | {
      readonly kind: 'entry';
      readonly entry: ContentsEntry;
      readonly content: Uint8Array;
      readonly anew: boolean;
    }
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'implied' | 'opaque' | 'removed' };

/** By absolute path. Directories on the way are implied. */
export type Things = Readonly<Record<string, Thing>>;

function thing(
  type: ContentsEntry['type'],
  own: Partial<ContentsEntry>,
  { xattrs = {}, ...attributes }: Attributes,
  content = new Uint8Array(),
): Thing & { kind: 'entry' } {
  const entry = {
    ...{ type, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0n, sha256: '', link: '', major: 0, minor: 0 },
    ...own,
    ...attributes,
    xattrs: Object.entries(xattrs).map(([name, value]) => ({ name, value: Buffer.from(value) })),
  };
  return { kind: 'entry', entry, content, anew: false };
}

export function file(content: string | Uint8Array, attributes: Attributes = {}): Thing {
  const bytes = Buffer.from(content);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return thing('file', { size: bytes.length, sha256 }, attributes, bytes);
}

export function directory(mode = 0o755, attributes: Attributes = {}): Thing {
  return thing('directory', {}, { ...attributes, mode });
}

/** A directory that was removed and made again. */
export function newDirectory(mode = 0o755, attributes: Attributes = {}): Thing {
  return { ...thing('directory', {}, { ...attributes, mode }), anew: true };
}

export function symlink(target: string, attributes: Attributes = {}): Thing {
  return thing('symlink', { link: fromText(target) }, { mode: 0o777, ...attributes });
}

export function device(type: 'character' | 'block', major: number, minor: number): Thing {
  return thing(type, { major, minor }, {});
}

export const fifo: Thing = thing('fifo', {}, {});

/** Another name of a file of the same layer. */
export function link(to: string): Thing {
  return { kind: 'link', to };
}

export const removed: Thing = { kind: 'removed' };
export const opaque: Thing = { kind: 'opaque' };
export const implied: Thing = { kind: 'implied' };

export interface MadeLayer extends StackLayer {
  readonly things: Things;
  /** How often its contents were asked for. */
  asked: number;
}

export function layer(id: string, things: Things): MadeLayer {
  const made: MadeLayer = {
    ...{ id, things, asked: 0 },
    contents: () => {
      made.asked++;
      return Promise.resolve(contentsOf(things));
    },
  };
  return made;
}

export function part(name: string, ...layers: StackLayer[]): StackPart {
  return { name, layers };
}

export function bytes(path: string): ByteString {
  return fromText(path.slice(1));
}

export function contentsOf(things: Things): LayerContents {
  const entries = new Map<ByteString, ContentsEntry>();
  const implied = new Set<ByteString>();
  const hidden = new Set<ByteString>();
  const opaque = new Set<ByteString>();
  for (const [path, thing] of Object.entries(things)) {
    const at = bytes(path);
    for (let parent = at; parent !== ''; ) {
      parent = parent.slice(0, Math.max(0, parent.lastIndexOf('/')));
      implied.add(parent);
    }
    if (thing.kind === 'entry') entries.set(at, thing.entry);
    if (thing.kind === 'entry' && thing.anew) opaque.add(at);
    if (thing.kind === 'link') entries.set(at, linked(things, thing.to));
    if (thing.kind === 'removed') hidden.add(at);
    if (thing.kind === 'opaque') opaque.add(at);
    if (thing.kind === 'implied' || thing.kind === 'opaque') implied.add(at);
  }
  for (const path of entries.keys()) implied.delete(path);
  return { entries, implied, hidden, opaque };
}

function linked(things: Things, to: string): ContentsEntry {
  const first = things[to];
  if (first?.kind !== 'entry') throw new Error(`${to} is no file of the layer`);
  return { ...first.entry, linkedTo: bytes(to) };
}

/** Reads the files of the layers; `read` lists what was asked for, as `layer:path`. */
export function filesOf(...layers: readonly MadeLayer[]): LayerFiles & { readonly asked: readonly string[] } {
  const asked: string[] = [];
  return {
    asked,
    read: (id, paths) => {
      const things = layers.find(each => each.id === id)?.things ?? {};
      const contents = new Map<ByteString, Uint8Array>();
      for (const path of paths) {
        const text = `/${Buffer.from(path, 'latin1').toString()}`;
        asked.push(`${id}:${text}`);
        const thing = things[text];
        if (thing?.kind === 'entry') contents.set(path, thing.content);
      }
      return Promise.resolve(contents);
    },
  };
}
