/** A layer becomes a squashfs image, entry by entry: as overlayfs would have it, mksquashfs, verity and digest. */
import { constants, openSync, rmSync } from 'node:fs';
import { FileDescriptor } from '../linux/index.ts';
import { syncFile } from './compress.ts';
import { type Flow, resume } from './flow.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { type Below, NeedsMore, OverlayForm, type RootDirectory, type Survey } from './overlay-form.ts';
import { type SealedFile, seal } from './seal.ts';
import { type SquashfsCompression, SquashfsWriter, squashfsAttributes } from './squashfs.ts';
import { setSquashfsRoot } from './squashfs-root.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import { BlockPool, TarWriter } from './tar-writer.ts';
import { Warnings } from './warnings.ts';
import { isOpaqueMark } from './whiteouts.ts';

/** Which image is to be made. */
export interface SquashfsTarget {
  readonly into: SquashfsCompression;
  readonly verity: boolean;
  /** The file to write; a file that is there is overwritten. */
  readonly output: string;
}

/** A layer as a file system, in a file. */
export interface FileSystemLayer extends SealedFile {
  readonly warnings: readonly string[];
}

/** Takes the entries of a layer, and the blocks that they become; a file that is not finished is removed. */
export class SquashfsLayer implements AsyncDisposable {
  readonly #target: SquashfsTarget;
  readonly #warnings = new Warnings();
  readonly #writer: TarWriter;
  readonly #form: OverlayForm;
  readonly #image: SquashfsWriter;
  #root: RootDirectory | undefined;
  #finished = false;

  constructor(target: SquashfsTarget, below: Below | 'unknown', limits: Limits, survey?: Survey) {
    const pool = new BlockPool();
    this.#target = target;
    this.#writer = new TarWriter(pool);
    const output = {
      writer: this.#writer,
      adapt: squashfsAttributes(this.#warnings),
      root: (metadata: RootDirectory) => {
        this.#root = metadata;
      },
    };
    this.#form = new OverlayForm(output, below, limits, this.#warnings, survey);
    this.#image = new SquashfsWriter(target.output, target.into, pool);
  }

  /** Throws NeedsMore when the entry cannot be written as it comes. */
  visit(entry: TarEntry, content: Content): Flow<void> {
    return this.#form.visit(entry, content);
  }

  /** What comes after the last entry. */
  *end(): Flow<void> {
    yield* this.#form.finish();
    yield* this.#writer.end();
  }

  /** Takes a block that `visit` or `end` handed out. */
  write(block: Buffer): Promise<void> {
    return this.#image.write(block);
  }

  /** Completes the image after the last block; `checkpoint` is called now and then and may throw to stop it. */
  async finish(checkpoint: () => void): Promise<FileSystemLayer> {
    const { output, verity } = this.#target;
    await this.#image.finish();
    if (this.#root !== undefined) this.#setRoot(this.#root);
    const sealed = seal({ path: output, verity }, checkpoint);
    await syncFile(output);
    this.#finished = true;
    return { ...sealed, warnings: this.#warnings.lines() };
  }

  #setRoot({ mode, uid, gid, mtime, xattrs }: RootDirectory): void {
    using file = new FileDescriptor(openSync(this.#target.output, constants.O_RDWR | constants.O_NOFOLLOW));
    const known = setSquashfsRoot(file.fd, { mode, uid, gid, mtime: Number(mtime / 1_000_000_000n) });
    if (!known) this.#warnings.add(`the owner ${uid}:${gid} of the root directory was left out`, '/');
    // A layer that hides everything below it can only be the lowest one here.
    const lost = xattrs.filter(({ name, value }) => !isOpaqueMark(name, value));
    if (lost.length > 0) this.#warnings.add('attributes of the root directory were left out', '/');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]();
    if (!this.#finished) rmSync(this.#target.output, { force: true });
  }
}

/** The image of a layer while its tar is written, as long as the layer can be written as it comes. */
export class SquashfsAlongside implements AsyncDisposable {
  readonly #flow: Flow<void>;
  /** Absent once it was given up. */
  #layer: SquashfsLayer | undefined;

  /** `lowest`: there are no layers below. */
  constructor(target: SquashfsTarget, lowest: boolean) {
    const layer = new SquashfsLayer(target, lowest ? new Map() : 'unknown', DEFAULT_LIMITS);
    this.#layer = layer;
    this.#flow = (function* () {
      yield* readTar((entry, content) => layer.visit(entry, content), DEFAULT_LIMITS);
      yield* layer.end();
    })();
    this.#flow.next();
  }

  /** The next bytes of the tar; they are not needed any more afterwards. */
  async add(block: Buffer): Promise<void> {
    await this.#read(block);
  }

  /** The image, after the last bytes of the tar; undefined when it cannot be made without another look at the layer. */
  async finish(checkpoint: () => void): Promise<FileSystemLayer | undefined> {
    await this.#read(undefined);
    return this.#layer?.finish(checkpoint);
  }

  async #read(block: Buffer | undefined): Promise<void> {
    const layer = this.#layer;
    if (layer === undefined) return;
    try {
      await resume(this.#flow, block, written => layer.write(written));
    } catch (error) {
      if (!(error instanceof NeedsMore)) throw error;
      this.#layer = undefined;
      await layer[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#layer?.[Symbol.asyncDispose]();
  }
}
