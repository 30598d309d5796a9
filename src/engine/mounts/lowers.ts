/** The directories of a mounted tree's layers: unpacked ones from the store, and file systems mounted on their own. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { getXattr } from '../../linux/index.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { type LookContext, say } from '../context.ts';
import type { TreeLayer } from '../inside/requests.ts';
import { readSnapshot, type Snapshot } from '../inside/snapshots.ts';

/** Options of every mount of a single layer, for whoever finds it. */
const OPTIONS = 'ro,nosuid,nodev';

export class Lowers {
  readonly #layers: readonly TreeLayer[];
  readonly #context: LookContext;
  /** Layers whose content is what their root hash says. */
  readonly #verified = new Set<TreeLayer>();

  private constructor(layers: readonly TreeLayer[], context: LookContext) {
    this.#layers = layers;
    this.#context = context;
  }

  /**
   * Unpacks what has to be unpacked, and checks file systems against their root hashes. Their blobs are in the store.
   * @throws AshlarError when a layer is not what its root hash says.
   */
  static async prepare(layers: readonly TreeLayer[], context: LookContext): Promise<Lowers> {
    const lowers = new Lowers(layers, context);
    await lowers.#unpack(layers.filter(({ format }) => format.kind === 'tar'));
    for (const layer of layers) {
      if (layer.format.kind === 'tar') continue;
      if (await verifyLayer(layer)) lowers.#verified.add(layer);
    }
    return lowers;
  }

  /** One directory for each layer, bottom to top; file systems are mounted below `directory`. */
  async mount(directory: string): Promise<readonly Snapshot[]> {
    const snapshots: Snapshot[] = [];
    for (const [i, layer] of this.#layers.entries()) {
      const point = join(directory, String(i));
      const mounted = layer.format.kind !== 'tar' && (await this.#mountOne(layer, layer.format.kind, point));
      snapshots.push(mounted ? fileSystemAt(point) : await this.#unpacked(layer));
    }
    return snapshots;
  }

  /**
   * By the kernel, if the content was verified: what is wrong in a file system of strangers is a way into it. By a
   * program otherwise, where there is one. False where neither can.
   */
  async #mountOne(layer: TreeLayer, kind: 'squashfs' | 'erofs', point: string): Promise<boolean> {
    mkdirSync(point, { recursive: true });
    const ways: readonly (readonly string[])[] = [
      ...(this.#verified.has(layer)
        ? [['mount', '-t', kind, '-o', `loop,${OPTIONS}`, layer.blob, point]]
        : []),
      ...(kind === 'squashfs' ? [['squashfuse', '-o', `${OPTIONS},allow_other`, layer.blob, point]] : []),
      ...(kind === 'erofs' ? [['erofsfuse', '-o', 'allow_other', layer.blob, point]] : []),
    ];
    for (const [name = '', ...args] of ways) {
      const program = findProgram(name);
      if (program === undefined) continue;
      const { status, stderr } = await runProgram(program, args, { signal: this.#context.signal });
      if (status === 0) return true;
      say(this.#context, undefined, 'debug', `${name} cannot mount ${layer.diffId}: ${stderr.trim()}`);
    }
    rmdirSync(point);
    return false;
  }

  async #unpacked(layer: TreeLayer): Promise<Snapshot> {
    const { snapshots } = this.#context.store;
    const known = readSnapshot(snapshots, layer.diffId);
    if (known) return known;
    await this.#unpack([layer]);
    const made = readSnapshot(snapshots, layer.diffId);
    if (!made) throw new Error(`${layer.diffId} was unpacked, and is not there`);
    return made;
  }

  async #unpack(layers: readonly TreeLayer[]): Promise<void> {
    const { workshop, signal } = this.#context;
    if (layers.length > 0) await workshop.call('unpack', layers, { signal });
  }
}

function fileSystemAt(tree: string): Snapshot {
  const opaque = getXattr(tree, 'user.overlay.opaque');
  const opaqueRoot = opaque !== undefined && Buffer.from(opaque).toString() === 'y';
  return { tree, impliedDirectories: [], opaqueRoot };
}

/** False when nothing is known that its content could be checked against. */
async function verifyLayer(_layer: TreeLayer): Promise<boolean> {
  return false;
}
