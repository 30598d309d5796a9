import { collectGarbage, type StoredThing } from '../../engine/index.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { decimalSize } from '../size.ts';

export interface GcFlags {
  /** Milliseconds. */
  readonly olderThan: number;
  /** Bytes. */
  readonly maxSize?: number;
  readonly all?: true;
  readonly dryRun?: true;
}

/** Removes from the store what nobody needs any more, and prints what that has freed. */
export async function gc(globals: GlobalFlags, flags: GcFlags): Promise<void> {
  const { store } = await readSettings(globals);
  const log = openLog(globals, line => process.stderr.write(line));
  const { olderThan, maxSize, all = false, dryRun = false } = flags;
  using interruption = interruptible();
  const { removed, left } = await collectGarbage(
    { store, olderThan, maxSize, all, dryRun },
    text => log('warning', text),
    interruption.signal,
  );
  const lines = [
    ...(dryRun ? removed.map(describe) : []),
    `${dryRun ? 'would free' : 'freed'} ${decimalSize(sum(removed))} ` +
      `(${count(removed, 'blob', 'layers and files')}, ${count(removed, 'tree', 'unpacked layers')}${others(removed)}), ` +
      `${decimalSize(left)} ${dryRun ? 'would be' : 'are'} left in ${store}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function describe({ use, size, lastUsed }: StoredThing): string {
  return `${use}  ${decimalSize(size)}, last used ${new Date(lastUsed).toISOString()}`;
}

/** Most people have none. */
function others(things: readonly StoredThing[]): string {
  const clones = things.filter(({ use }) => use.startsWith('repository ') || use.startsWith('checkout '));
  const outputs = things.filter(({ use }) => use.startsWith('output '));
  const packages = things.filter(({ use }) => use.startsWith('package '));
  return [
    ...(outputs.length > 0 ? [`, ${outputs.length} files made of images`] : []),
    ...(packages.length > 0 ? [`, ${packages.length} packages`] : []),
    ...(clones.length > 0 ? [`, ${clones.length} clones and checkouts`] : []),
  ].join('');
}

function count(things: readonly StoredThing[], kind: 'blob' | 'tree', words: string): string {
  return `${things.filter(({ use }) => use.startsWith(`${kind} `)).length} ${words}`;
}

function sum(things: readonly StoredThing[]): number {
  return things.reduce((total, { size }) => total + size, 0);
}
