/** What stacking makes of images, told without making anything; and the proof of what was made. */
import type { Digest } from '../../oci/index.ts';
import {
  type ConflictRules,
  mergers,
  parseStackRecord,
  STACK_ANNOTATION,
  type StackDecision,
  type StackProof,
  type StackRecord,
  verifyStack,
} from '../../stacking/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { BuildOptions } from '../context.ts';
import type { EventSink } from '../events.ts';
import { looking } from '../keys/looking.ts';
import { filesOf } from '../layer-contents.ts';
import { decide, stackLayers } from '../stacking/decide.ts';
import { pick } from '../stacking/outline.ts';
import { openNamed } from './open.ts';

export interface StackReport
  extends Pick<StackDecision, 'conflicts' | 'merged' | 'regenerate' | 'orderIndependent'> {
  /** The images, lowest first. */
  readonly parts: readonly string[];
  /** The layers of the result, bottom to top, but for one of its own. */
  readonly layers: readonly ReportedLayer[];
  /** Absolute paths that the layers do not give by themselves: they go into a layer on top. */
  readonly corrected: readonly string[];
  /** Of layers that several images have: they are neither stored nor sent again. */
  readonly bytesSaved: number;
}

export interface ReportedLayer {
  readonly diffId: Digest;
  readonly digest: Digest;
  /** Bytes of its blob. */
  readonly size: number;
  /** The images that have it. */
  readonly parts: readonly string[];
  /** Why it is not at its lowest place, where it is not. */
  readonly moved?: string;
}

/**
 * How images, named as in `openNamed`, would be stacked.
 * @throws AshlarError when one of them cannot be had.
 */
export function reportStack(
  images: readonly string[],
  rules: ConflictRules,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<StackReport> {
  return looking(options, emit, signal, async context => {
    const opened = await Promise.all(images.map(image => openNamed(image, context)));
    const parts = opened.map(({ layers }, i) => ({ name: uniqueName(images, i), layers }));
    const decision = await decide(parts, rules, context);
    // Ids are the diff IDs that we have given.
    const order = decision.order as readonly Digest[];
    const known = parts.flatMap(part => part.layers);
    const layers = pick(order, known).map(({ diffId, descriptor: { digest, size } }): ReportedLayer => {
      const moved = decision.moved.find(({ layer }) => layer === diffId)?.reason;
      const having = parts.filter(part => part.layers.some(layer => layer.diffId === diffId));
      const common = { diffId, digest, size, parts: having.map(({ name }) => name) };
      return moved === undefined ? common : { ...common, moved };
    });
    const { conflicts, merged, corrections, regenerate, orderIndependent } = decision;
    return {
      parts: parts.map(({ name }) => name),
      layers,
      conflicts,
      merged,
      corrected: corrections.map(({ path }) => path),
      regenerate,
      orderIndependent,
      bytesSaved: layers.reduce((sum, { size, parts }) => sum + size * (parts.length - 1), 0),
    };
  });
}

/** Of equal names the later ones have a number. */
function uniqueName(names: readonly string[], i: number): string {
  const name = names[i] ?? '';
  const earlier = names.slice(0, i).filter(other => other === name).length;
  return earlier === 0 ? name : `${name} (${earlier + 1})`;
}

export interface StackVerification extends StackProof {
  readonly record: StackRecord;
}

/**
 * Proves, from its layers alone, that a stacked image is what the account in its manifest says.
 * @throws AshlarError when it has no account, or one that makes no sense.
 */
export function verifyImage(
  image: string,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<StackVerification> {
  return looking(options, emit, signal, async context => {
    const { layers, annotations } = await openNamed(image, context);
    const text = annotations[STACK_ANNOTATION];
    if (text === undefined) {
      throw new AshlarError(`${image} was not stacked: its manifest has no annotation ${STACK_ANNOTATION}`, {
        hint: 'ashlar stack makes such images, and so do layers with a list under from',
      });
    }
    const record = parseStackRecord(text);
    const stacked = stackLayers(layers, context).map((layer, i) => {
      const size = layers[i]?.descriptor.size;
      return size === undefined ? layer : { ...layer, size };
    });
    const proof = await verifyStack(record, stacked, mergers, filesOf(layers, context));
    return { record, ...proof };
  });
}
