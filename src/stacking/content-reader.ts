/** Content of files, asked for one by one and read layer by layer. */
import { createHash } from 'node:crypto';
import { type ByteString, type ContentsEntry, toText } from '../layers/index.ts';
import { AshlarError } from '../support/errors.ts';
import type { LayerFiles } from './decision.ts';

const NOTHING = new Uint8Array();

interface Wanted {
  readonly path: ByteString;
  readonly entry: ContentsEntry;
  readonly settle: PromiseWithResolvers<Uint8Array>;
}

export class ContentReader {
  readonly #files: LayerFiles;
  /** By SHA-256: what several layers have is read from one. */
  readonly #known = new Map<string, Promise<Uint8Array>>();
  /** By layer: what has been asked for since the last reading. */
  readonly #wanted = new Map<string, Wanted[]>();

  constructor(files: LayerFiles) {
    this.#files = files;
  }

  /**
   * What the layer's file holds; empty where the entry is no file. Questions that come at the same time are answered
   * from one pass over the layer. Throws an AshlarError when the file is not what the layer's contents say.
   */
  read(layer: string, path: ByteString, entry: ContentsEntry): Promise<Uint8Array> {
    if (entry.type !== 'file' || entry.size === 0) return Promise.resolve(NOTHING);
    const known = this.#known.get(entry.sha256);
    if (known) return known;
    const settle = Promise.withResolvers<Uint8Array>();
    this.#known.set(entry.sha256, settle.promise);
    const wanted = { path: entry.linkedTo ?? path, entry, settle };
    const waiting = this.#wanted.get(layer);
    if (waiting) waiting.push(wanted);
    else {
      this.#wanted.set(layer, [wanted]);
      setImmediate(() => void this.#readLayer(layer));
    }
    return settle.promise;
  }

  async #readLayer(layer: string): Promise<void> {
    const wanted = this.#wanted.get(layer) ?? [];
    this.#wanted.delete(layer);
    try {
      const contents = await this.#files.read(
        layer,
        wanted.map(({ path }) => path),
      );
      for (const { path, entry, settle } of wanted) {
        const content = contents.get(path);
        if (content !== undefined && isContentOf(entry, content)) settle.resolve(content);
        else settle.reject(new AshlarError(`/${toText(path)} of layer ${layer} cannot be read`));
      }
    } catch (cause) {
      for (const { settle } of wanted) settle.reject(cause);
    }
  }
}

function isContentOf(entry: ContentsEntry, content: Uint8Array): boolean {
  return content.length === entry.size && sha256Of(content) === entry.sha256;
}

/** Of a file's content: what its entry says of it. */
export function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
