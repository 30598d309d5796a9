/** What was made of trees is kept in the store by what it depends on: the same again costs a copy. */
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealImage } from '../../layers/index.ts';
import { codeOf } from '../../support/errors.ts';
import type { LookContext } from '../context.ts';
import { type KeyPart, keyOf } from '../keys/keys.ts';
import type { Store } from '../store/store.ts';
import { copyFile, shareFile } from './copy-file.ts';

/** How a file is made. `Facts` are what is known of it besides its bytes; they are kept as JSON. */
export interface Work<Facts> {
  readonly domain: string;
  readonly parts: readonly KeyPart[];
  readonly make: (path: string) => Promise<Made<Facts>>;
}

/** A file that was written. */
export interface Made<Facts> {
  readonly facts: Facts;
  /** Hexadecimal, where it was taken on the way. */
  readonly sha256?: string;
}

export interface Delivered<Facts> {
  readonly facts: Facts;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Whether it was known. */
  readonly cached: boolean;
}

interface Kept<Facts> extends Omit<Delivered<Facts>, 'cached'> {
  /** Tells the file from a changed one. */
  readonly stamp: string;
}

/**
 * Writes a file that is kept, or that is made and kept, to a place where nothing is. Who writes to a result that was just
 * made may write to what is kept, too: that is noticed, and what is handed out later is a copy.
 */
export async function deliver<Facts>(
  { domain, parts, make }: Work<Facts>,
  target: string,
  { store, options, signal }: LookContext,
): Promise<Delivered<Facts>> {
  const key = keyOf(domain, parts);
  store.claim(`output ${key}`);
  const place = placeOf(store, key);
  const known = options.noCache ? undefined : await lookUp<Facts>(place, signal);
  if (known) {
    await copyFile(fileIn(place), target, signal);
    const { facts, bytes, sha256 } = known;
    if (stampOf(fileIn(place)) === known.stamp) return { facts, bytes, sha256, cached: true };
    // Somebody has written to it meanwhile.
    rmSync(target);
  }
  const temporary = store.temporaryPath('output');
  mkdirSync(temporary);
  const { facts, sha256 = await digestOf(fileIn(temporary), signal) } = await make(fileIn(temporary));
  await shareFile(fileIn(temporary), target, signal);
  const made = { facts, bytes: lstatSync(fileIn(temporary)).size, sha256 };
  writeFacts(temporary, { ...made, stamp: stampOf(fileIn(temporary)) });
  keep(temporary, place);
  return { ...made, cached: false };
}

/** Outputs that are kept, by key. */
export function outputsOf(store: Pick<Store, 'path'>): string {
  return join(store.path, 'outputs');
}

function placeOf(store: Store, key: string): string {
  mkdirSync(outputsOf(store), { recursive: true, mode: 0o700 });
  return join(outputsOf(store), key);
}

function fileIn(place: string): string {
  return join(place, 'file');
}

function factsIn(place: string): string {
  return join(place, 'facts.json');
}

/** Undefined when there is none, or one that is not what it was; that one is made again. */
async function lookUp<Facts>(place: string, signal: AbortSignal): Promise<Kept<Facts> | undefined> {
  if (!existsSync(factsIn(place)) || !existsSync(fileIn(place))) return undefined;
  const kept = readFacts<Facts>(place);
  if (kept === undefined) return undefined;
  const stamp = stampOf(fileIn(place));
  if (stamp === kept.stamp) return kept;
  if ((await digestOf(fileIn(place), signal)) !== kept.sha256) return undefined;
  writeFacts(place, { ...kept, stamp });
  return { ...kept, stamp };
}

async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const { digest } = await sealImage(path, false, { signal });
  return digest.slice('sha256:'.length);
}

function readFacts<Facts>(place: string): Kept<Facts> | undefined {
  try {
    return JSON.parse(readFileSync(factsIn(place), 'utf8')) as Kept<Facts>;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function writeFacts(place: string, kept: Kept<unknown>): void {
  const temporary = `${factsIn(place)}.${process.pid}.new`;
  writeFileSync(temporary, JSON.stringify(kept));
  renameSync(temporary, factsIn(place));
}

/** Also another when a result that shares the file gets another name: it is then read once, and known as before. */
function stampOf(path: string): string {
  const { ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** Gives it its place; what was there goes, also what another build has put there meanwhile. */
function keep(temporary: string, place: string): void {
  const old = `${temporary}-old`;
  while (!renamed(temporary, place, ['ENOTEMPTY', 'EEXIST'])) {
    renamed(place, old, ['ENOENT']);
    rmSync(old, { recursive: true, force: true });
  }
}

/** Whether it was done; not where it fails with one of the errors. */
function renamed(from: string, to: string, errors: readonly string[]): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errors.includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}
