/** The maps of GNU's sparse files: the old format, and 1.0, whose map stands before the content. */
import { AshlarError } from '../support/errors.ts';
import type { Flow, Input } from './flow.ts';
import type { Limits } from './limits.ts';
import { BLOCK, type Segment } from './tar-entry.ts';
import { parseNumber } from './tar-number.ts';
import { parseDecimal } from './tar-pax.ts';

/** The map in a header of type `S` and the blocks that continue it. */
export function* readOldGnuMap(header: Buffer, input: Input, limits: Limits): Flow<Segment[]> {
  const segments: Segment[] = [];
  appendSegments(header, 386, 4, segments);
  let more = header[482] !== 0;
  while (more) {
    const block = yield* input.take(BLOCK);
    if (block === undefined || block.length < BLOCK)
      throw new AshlarError('the tar archive ends within a header');
    if (segments.length > limits.sparseSegments) throw tooMany(limits);
    appendSegments(block, 0, 21, segments);
    more = block[504] !== 0;
  }
  return segments;
}

/** The size of the file with its holes, in a header of type `S`. */
export function oldGnuRealSize(header: Buffer): number {
  return parseNumber(header, 483, 12, 'size');
}

function appendSegments(block: Buffer, start: number, count: number, segments: Segment[]): void {
  for (let at = start; at < start + 24 * count; at += 24) {
    if (block[at] === 0) return;
    segments.push({
      offset: parseNumber(block, at, 12, 'sparse map'),
      length: parseNumber(block, at + 12, 12, 'sparse map'),
    });
  }
}

/** Reads the map of format 1.0: lines of decimal numbers, padded to a block. Returns how many bytes it took, too. */
export function* readMap10(
  input: Input,
  stored: number,
  limits: Limits,
): Flow<{ segments: Segment[]; length: number }> {
  let text = '';
  let length = 0;
  const numbers: number[] = [];
  let expected = 1;
  while (numbers.length < expected) {
    const end = text.indexOf('\n');
    if (end !== -1) {
      numbers.push(parseDecimal(text.slice(0, end)));
      text = text.slice(end + 1);
      if (numbers.length === 1) {
        expected = 1 + 2 * (numbers[0] ?? 0);
        if (expected > 2 * limits.sparseSegments) throw tooMany(limits);
      }
      continue;
    }
    if (length + BLOCK > stored || text.length > 20) throw new AshlarError('invalid tar header: sparse map');
    const block = yield* input.take(BLOCK);
    if (block === undefined || block.length < BLOCK)
      throw new AshlarError('the tar archive ends within a header');
    text += block.toString('latin1');
    length += BLOCK;
  }
  const segments: Segment[] = [];
  for (let at = 1; at < numbers.length; at += 2) {
    segments.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  }
  return { segments, length };
}

/** Throws an AshlarError unless the segments are in order, do not overlap, and are exactly what is stored. */
export function checkSegments(
  segments: readonly Segment[],
  realSize: number,
  stored: number,
  limits: Limits,
): void {
  if (segments.length > limits.sparseSegments) throw tooMany(limits);
  let end = 0;
  let sum = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > realSize || offset < 0 || length < 0) {
      throw new AshlarError('invalid tar header: the sparse map contradicts itself');
    }
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) throw new AshlarError('invalid tar header: the sparse map contradicts the stored size');
}

function tooMany(limits: Limits): AshlarError {
  return new AshlarError(`a sparse file has more than ${limits.sparseSegments} segments`);
}
