import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeArchive } from '../../../src/disk/archives/make.ts';
import type { ArchiveRequest } from '../../../src/disk/request.ts';
import { has, isRoot } from '../../support/tools.ts';
import { describeTree, devices, makeAwkwardTree, scratch, signal } from '../file-systems/trees.ts';

let base: string;
/** Equal trees, whose names came in different order. No test changes them. */
let trees: Readonly<Record<'forth' | 'back', string>>;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'ashlar-trees-'));
  trees = { forth: join(base, 'forth'), back: join(base, 'back') };
  for (const order of ['forth', 'back'] as const) await makeAwkwardTree(trees[order], order);
});

afterAll(() => rmSync(base, { recursive: true }));

async function archive(tree: string, format: ArchiveRequest['format']) {
  const output = join(scratch(), 'archive');
  const warnings: string[] = [];
  await makeArchive({
    ...{ tree, devices, output, scratch: scratch(), identity: 'test', epoch: 1_700_000_000, format, signal },
    ...{ say: () => {}, warn: text => warnings.push(text) },
  });
  return { output, warnings };
}

/** What archives keep: whole seconds, and of a cpio no attributes. */
async function kept(tree: string, xattrs: boolean): Promise<Map<string, unknown>> {
  return new Map(
    [...(await describeTree(tree))].map(([path, inode]) => {
      const { mtime, xattrs: all, ...rest } = inode as { mtime: bigint; xattrs: string[] };
      return [
        path,
        { ...rest, seconds: mtime < 0n ? 'early' : mtime / 1_000_000_000n, xattrs: xattrs ? all : [] },
      ];
    }),
  );
}

async function expected(tree: string, xattrs: boolean): Promise<Map<string, unknown>> {
  const described = await kept(tree, xattrs);
  for (const { path, type, major, minor } of devices) {
    described.set(path, { ...(described.get(path) as object), type, major, minor });
  }
  return described;
}

describe.each(['tar', 'tar.gz', 'tar.xz', 'tar.zst'] as const)('a tree as %s', format => {
  it.runIf(has('xz', 'zstd', 'tar'))('is the same for equal trees, and what tar reads', async () => {
    const [one, other] = [await archive(trees.forth, format), await archive(trees.back, format)];
    expect(readFileSync(other.output).equals(readFileSync(one.output))).toBe(true);
    const program = { tar: [], 'tar.gz': ['-z'], 'tar.xz': ['-J'], 'tar.zst': ['--zstd'] }[format];
    const names = execFileSync('tar', [...program, '-tf', one.output], { encoding: 'utf8' });
    expect(names).toContain('etc/hello\n');
  });
});

describe('a tree as tar', () => {
  it.runIf(isRoot && has('tar'))('keeps what it can hold', async () => {
    const tree = trees.forth;
    const { output } = await archive(tree, 'tar');
    const at = join(scratch(), 'unpacked');
    mkdirSync(at);
    execFileSync('tar', ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', output, '-C', at]);
    expect(await kept(at, true)).toEqual(await expected(tree, true));
  });

  it('is an archive even when nothing is in it', async () => {
    const empty = join(scratch(), 'empty');
    mkdirSync(empty);
    const { output } = await archive(empty, 'tar');
    expect(execFileSync('tar', ['-tf', output], { encoding: 'utf8' })).toMatch(/^\.?\/?\n?$/);
    expect(statSync(output).size).toBeGreaterThanOrEqual(1024);
  });
});

/** The program leaves the directory that it is in, sets no times of directories and links, and knows none before 1970. */
function withoutSomeTimes(tree: Map<string, unknown>): Map<string, unknown> {
  return new Map(
    [...tree]
      .filter(([path]) => path !== '')
      .map(([path, inode]) => {
        const { seconds, ...rest } = inode as { seconds: bigint; type: string };
        const isKept = rest.type !== 'directory' && rest.type !== 'symlink' && path !== 'noise';
        return [path, isKept ? { ...rest, seconds } : rest];
      }),
  );
}

describe('a tree as cpio', () => {
  it.runIf(has('cpio'))(
    'is the same for equal trees, says what is left out, and keeps the rest',
    async () => {
      const tree = trees.forth;
      const [one, other] = [await archive(tree, 'cpio'), await archive(trees.back, 'cpio')];
      expect(readFileSync(other.output).equals(readFileSync(one.output))).toBe(true);
      expect(one.warnings).toEqual([expect.stringContaining('no extended attributes')]);
      const names = execFileSync('cpio', ['-it', '--quiet'], {
        input: readFileSync(one.output),
        encoding: 'utf8',
      });
      expect(names).toContain('etc/hello\n');
      if (!isRoot) return;
      const at = join(scratch(), 'unpacked');
      mkdirSync(at);
      const args = ['-idm', '--quiet', '--no-absolute-filenames'];
      execFileSync('cpio', args, { input: readFileSync(one.output), cwd: at, stdio: 'pipe' });
      expect(withoutSomeTimes(await kept(at, false))).toEqual(withoutSomeTimes(await expected(tree, false)));
    },
  );
});
