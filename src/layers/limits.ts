import { AshlarError } from '../support/errors.ts';

/**
 * What a layer may ask for. Layers come from strangers: each number is far above what honest images need and far
 * below what would hurt the machine.
 */
export interface Limits {
  /** Bytes of an entry's name or link target. PATH_MAX: a longer one cannot be used on Linux. */
  readonly nameLength: number;
  /** Bytes of one block of PAX records. The kernel's largest attribute is 64 KiB; a handful of them fits. */
  readonly paxLength: number;
  /** Entries of one layer. Each costs about 100 bytes of memory while the layer is open; published layers stay below half a million. */
  readonly entries: number;
  /** Bytes of names, link targets and directories' attributes, which are remembered while the layer is open. */
  readonly nameBytes: number;
  /** Segments of one sparse file: 16 bytes of memory each, and one write. */
  readonly sparseSegments: number;
  /** Bytes of the uncompressed tar, and of the files described by it with their holes. */
  readonly expandedBytes: number;
  /** Uncompressed bytes for each compressed byte, looked at only beyond `ratioFreeBytes`: zeros in gzip reach 1030. */
  readonly ratio: number;
  /** Up to so many bytes any ratio is harmless: a sparse disk image packs very well. */
  readonly ratioFreeBytes: number;
}

const KiB = 1024;
const GiB = KiB ** 3;

export const DEFAULT_LIMITS: Limits = {
  nameLength: 4096,
  paxLength: KiB ** 2,
  entries: 2 ** 21,
  nameBytes: 256 * KiB ** 2,
  sparseSegments: 2 ** 18,
  expandedBytes: 256 * GiB,
  ratio: 1000,
  ratioFreeBytes: GiB,
};

/** Counts the bytes that come out of a blob and throws an AshlarError when they are more than the limits allow. */
export class ExpansionGuard {
  bytes = 0;
  #holes = 0;
  readonly #limits: Limits;
  readonly #most: number;
  readonly #reason: string;

  /** `compressedBytes`: the size of the blob, `undefined` when it is not compressed. */
  constructor(limits: Limits, compressedBytes: number | undefined) {
    const byRatio =
      compressedBytes === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(limits.ratioFreeBytes, compressedBytes * limits.ratio);
    this.#limits = limits;
    this.#most = Math.min(limits.expandedBytes, byRatio);
    this.#reason =
      byRatio < limits.expandedBytes
        ? `${compressedBytes} compressed bytes expand to more than ${byRatio}`
        : `it expands to more than ${limits.expandedBytes} bytes`;
  }

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.#most) {
      throw new AshlarError(`the layer looks like a decompression bomb: ${this.#reason}`);
    }
  }

  /** Holes in sparse files cost nothing to unpack, but everything after that; their ratio says nothing. */
  addHoles(bytes: number): void {
    this.#holes += bytes;
    if (this.#holes > this.#limits.expandedBytes) {
      throw new AshlarError(`sparse files of the layer claim more than ${this.#limits.expandedBytes} bytes`);
    }
  }
}
