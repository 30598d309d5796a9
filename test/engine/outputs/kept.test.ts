/** What was made of a tree and is used where it lies: machines write to the disks that they start from. */
import { execFileSync } from 'node:child_process';
import fs, {
  appendFileSync,
  linkSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { BuildOptions, LookContext } from '../../../src/engine/context.ts';
import { deliver } from '../../../src/engine/outputs/kept.ts';
import { sha256 } from '../../layers/support.ts';
import { useStore } from '../stores.ts';

const stored = useStore();

/** Delivers the same work under another name; tells whether it was known, and what it is. */
async function delivered(name: string) {
  const context: LookContext = { ...stored.build(), options: {} as BuildOptions };
  const make = async (path: string) => {
    writeFileSync(path, 'the disk');
    return { facts: null };
  };
  const path = join(stored.directory, name);
  const { cached, sha256: digest } = await deliver({ domain: 'test', parts: [], make }, path, context);
  return { path, cached, digest, content: readFileSync(path, 'utf8') };
}

const DISK = { content: 'the disk', digest: sha256('the disk') };

it('is never handed out with what somebody wrote to a result', async () => {
  const { path } = await delivered('first');
  appendFileSync(path, ', which a machine has written to');
  expect(await delivered('second')).toMatchObject({ ...DISK, cached: false });
  expect(readFileSync(path, 'utf8')).toBe('the disk, which a machine has written to');
  expect(await delivered('third')).toMatchObject({ ...DISK, cached: true });
});

it('is noticed where size and times of a result are as they were', async () => {
  const { path } = await delivered('first');
  const other = join(stored.directory, 'other');
  writeFileSync(other, 'as new as the result');
  execFileSync('touch', ['--reference', path, other]);
  writeFileSync(path, 'THE DISK');
  execFileSync('touch', ['--reference', other, path]);
  expect(await delivered('second')).toMatchObject({ ...DISK, cached: false });
});

it('may be kept by several builds at once', async () => {
  const { path } = await delivered('first');
  appendFileSync(path, 'changed');
  const { renameSync } = fs;
  const rename = vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    // Another build is quicker.
    if (String(to).endsWith('-old')) rmSync(from, { recursive: true });
    renameSync(from, to);
  });
  syncBuiltinESMExports();
  try {
    expect(await delivered('second')).toMatchObject({ ...DISK, cached: false });
    expect(rename.mock.calls.some(([, to]) => String(to).endsWith('-old'))).toBe(true);
  } finally {
    rename.mockRestore();
    syncBuiltinESMExports();
  }
  expect(await delivered('third')).toMatchObject({ ...DISK, cached: true });
});

it('is known although a result got another name or time', async () => {
  const { path } = await delivered('first');
  linkSync(path, `${path}-too`);
  utimesSync(path, 1, 1);
  expect(await delivered('second')).toMatchObject({ ...DISK, cached: true });
});

it('is handed out as copies from then on, so that changes reach no other result', async () => {
  await delivered('first');
  const { path } = await delivered('second');
  expect(statSync(path).nlink).toBe(1);
  appendFileSync(path, 'changed');
  expect(await delivered('third')).toMatchObject({ ...DISK, cached: true });
});
