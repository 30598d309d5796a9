import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { finishBtrfs } from '../../../src/disk/file-systems/btrfs-image.ts';
import { readTree } from '../../../src/disk/file-systems/source-tree.ts';
import { has, isRoot } from '../../support/tools.ts';
import { describeTree, digest, MEBIBYTE, mounted, scratch, settle, signal, UUID } from './trees.ts';

const null_ = { type: 'character', major: 1, minor: 3 } as const;

/** A btrfs whose directories `var` and `var/lib` are subvolumes, as newer versions of mkfs.btrfs make them. */
function withSubvolumes(tree: string): string {
  const image = join(scratch(), 'image');
  const at = join(scratch(), 'mounted');
  mkdirSync(at);
  writeFileSync(image, '');
  truncateSync(image, 200 * MEBIBYTE);
  execFileSync('mkfs.btrfs', ['-q', image], { stdio: 'ignore' });
  execFileSync('mount', ['-o', 'loop', image, at]);
  try {
    for (const path of ['var', 'var/lib'])
      execFileSync('btrfs', ['subvolume', 'create', join(at, path)], { stdio: 'ignore' });
    execFileSync('cp', ['-a', `${tree}/.`, at]);
  } finally {
    execFileSync('umount', [at]);
  }
  return image;
}

it.runIf(isRoot && has('mkfs.btrfs', 'btrfs'))('finishes a btrfs with subvolumes, all of them', async () => {
  const tree = join(scratch(), 'tree');
  mkdirSync(join(tree, 'dev'), { recursive: true });
  mkdirSync(join(tree, 'var/lib'), { recursive: true });
  for (const path of ['dev/null', 'var/null']) execFileSync('mkfifo', [join(tree, path)]);
  for (const path of ['var/file', 'var/lib/file']) writeFileSync(join(tree, path), path);
  await settle(tree);
  const image = withSubvolumes(tree);
  const devices = ['dev/null', 'var/null'].map(path => ({ path, ...null_ }));
  finishBtrfs(image, await readTree(tree, signal), devices, { uuid: UUID, epoch: 1_700_000_000 });
  execFileSync('btrfs', ['check', image], { stdio: 'pipe' });
  expect(execFileSync('btrfs', ['inspect-internal', 'dump-super', image], { encoding: 'utf8' })).toMatch(
    new RegExp(`^fsid\\s+${UUID}$`, 'm'),
  );
  const expected = await describeTree(tree);
  for (const { path } of devices) expected.set(path, { ...(expected.get(path) as object), ...null_ });
  expect(await mounted(image, at => describeTree(at))).toEqual(expected);
  // Nothing is left of what was made up.
  const before = digest(image);
  finishBtrfs(image, await readTree(tree, signal), devices, { uuid: UUID, epoch: 1_700_000_000 });
  expect(digest(image)).toBe(before);
});
