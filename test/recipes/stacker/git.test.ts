import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gitVersion } from '../../../src/recipes/stacker/git.ts';
import { loadStackerPlan } from '../../../src/recipes/stacker/index.ts';
import { findProgram } from '../../../src/support/process.ts';
import { testOptions } from './load.ts';

const hasGit = findProgram('git') !== undefined;
if (!hasGit) console.log('skipped: git is not installed');

describe.skipIf(!hasGit && !process.env.CI)('the git version', () => {
  let directory = '';
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, {
      cwd: directory,
      encoding: 'utf8',
      env: {
        ...process.env,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'a',
        GIT_AUTHOR_EMAIL: 'a@b',
        GIT_COMMITTER_NAME: 'a',
        GIT_COMMITTER_EMAIL: 'a@b',
      },
    }).trim();
  const version = () => gitVersion(directory, () => {});
  const commit = () => {
    git('add', '.');
    git('commit', '-q', '-m', 'x');
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-git-'));
    writeFileSync(join(directory, 'stacker.yaml'), 'l: {from: {type: scratch}}\n');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is not known outside of a work tree, and before the first commit', async () => {
    expect(await version()).toBeUndefined();
    git('init', '-q');
    expect(await version()).toBeUndefined();
  });

  it('is the full hash without tags, marked when a tracked file was changed', async () => {
    git('init', '-q');
    commit();
    const hash = git('rev-parse', 'HEAD');
    expect(await version()).toBe(hash);
    writeFileSync(join(directory, 'untracked'), '');
    expect(await version()).toBe(hash);
    writeFileSync(join(directory, 'stacker.yaml'), '# changed\n');
    expect(await version()).toBe(`${hash}-dirty`);
  });

  it('counts from the last tag, annotated or not', async () => {
    git('init', '-q');
    commit();
    git('tag', 'v1.0');
    expect(await version()).toBe('v1.0');
    writeFileSync(join(directory, 'b'), '');
    commit();
    expect(await version()).toBe(`v1.0-1-g${git('rev-parse', '--short', 'HEAD')}`);
  });

  it('is found without writing to the repository, also when files look changed but are not', async () => {
    git('init', '-q');
    commit();
    const index = join(directory, '.git/index');
    const before = readFileSync(index);
    utimesSync(join(directory, 'stacker.yaml'), 1_000_000_000, 1_000_000_000);
    expect(await version()).toBe(git('rev-parse', 'HEAD'));
    expect(readFileSync(index).equals(before)).toBe(true);
  });

  it('is an annotation of every image, from the directory of its file', async () => {
    git('init', '-q');
    commit();
    const nested = join(directory, 'nested');
    mkdirSync(nested);
    writeFileSync(join(nested, 'stacker.yaml'), 'inner: {from: {type: scratch}}\n');
    const files = ['stacker.yaml', 'nested/stacker.yaml'];
    const { plan } = await loadStackerPlan(
      testOptions({ cwd: directory, files, annotationsNamespace: 'org.x' }),
    );
    const hash = git('rev-parse', 'HEAD');
    expect(plan.images.map(({ annotations }) => annotations['org.x.stacker.git_version'])).toEqual([
      hash,
      hash,
    ]);
  });

  it('is left out where git is not installed', async () => {
    git('init', '-q');
    commit();
    vi.stubEnv('PATH', '/nowhere');
    const debug: string[] = [];
    expect(await gitVersion(directory, line => debug.push(line))).toBeUndefined();
    vi.unstubAllEnvs();
    expect(debug[0]).toMatch(/^git cannot be run: .*ENOENT/);
  });
});
