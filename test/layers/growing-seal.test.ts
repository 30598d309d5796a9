/** Digests of files that are still written. */
import {
  appendFileSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { GrowingSeal } from '../../src/layers/index.ts';
import { forEachChunk } from '../../src/layers/verity.ts';
import { FileDescriptor } from '../../src/linux/index.ts';
import { scratch, sha256 } from './support.ts';

const MIB = 1 << 20;
const SIZE = 5 * MIB + 7;

it('follows what is written, and waits for what is not', async () => {
  const path = join(scratch(), 'file');
  using file = new FileDescriptor(openSync(path, 'wx'));
  ftruncateSync(file.fd, SIZE);
  await using seal = new GrowingSeal(path, new AbortController().signal);
  for (let at = 0; at < 4 * MIB; at += MIB / 2) {
    writeSync(file.fd, Buffer.alloc(MIB / 2, `piece ${at} `), 0, MIB / 2, at);
    seal.settle(at + MIB / 2);
    // Who would not wait would have read what follows by now.
    await setTimeout(20);
  }
  writeSync(file.fd, 'the end', SIZE - 7);
  const { digest, size } = await seal.finish();
  expect([digest, size]).toEqual([`sha256:${sha256(readFileSync(path))}`, SIZE]);
});

it('is that of a file of which nothing was said before', async () => {
  const path = join(scratch(), 'file');
  writeFileSync(path, '');
  truncateSync(path, 3 * MIB);
  await using seal = new GrowingSeal(path, new AbortController().signal);
  expect((await seal.finish()).digest).toBe(`sha256:${sha256(Buffer.alloc(3 * MIB))}`);
});

it.each(['the end', ''])('is none of a file that becomes shorter meanwhile, which ends with %j', end => {
  const path = join(scratch(), 'file');
  writeFileSync(path, 'the beginning');
  truncateSync(path, 8 * MIB);
  appendFileSync(path, end);
  using file = new FileDescriptor(openSync(path, 'r'));
  const shorten = (until: number) => until > 4 * MIB && truncateSync(path, 2 * MIB);
  const read = () => forEachChunk(file.fd, 0, 8 * MIB + end.length, () => {}, shorten);
  expect(read).toThrow('the file is cut short');
});

it('is given up where the rest is never written', async () => {
  const path = join(scratch(), 'file');
  writeFileSync(path, Buffer.alloc(2 * MIB));
  const stop = new AbortController();
  const seal = new GrowingSeal(path, stop.signal);
  seal.settle(MIB);
  await seal[Symbol.asyncDispose]();
  await expect(seal.finish()).rejects.toThrow('aborted');
});
