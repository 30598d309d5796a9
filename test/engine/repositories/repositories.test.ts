import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collectGarbage, Repositories } from '../../../src/engine/index.ts';
import { has } from '../../support/tools.ts';

/** The user's own settings have no part in this. */
const environment = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main'];

describe.skipIf(!has('git'))('a repository', () => {
  let origin: string;
  let url: string;
  const commits: string[] = [];
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', origin, ...identity, ...args], { env: environment, encoding: 'utf8' }).trim();

  function commit(name: string): string {
    writeFileSync(join(origin, name), `${name}\n`);
    git('add', '--all');
    git('commit', '--quiet', '--message', name);
    return git('rev-parse', 'HEAD');
  }

  beforeAll(() => {
    origin = mkdtempSync(join(tmpdir(), 'ashlar-origin-'));
    url = `file://${origin}`;
    git('init', '--quiet');
    writeFileSync(join(origin, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    mkdirSync(join(origin, 'dir'));
    symlinkSync('../run.sh', join(origin, 'dir', 'link'));
    commits.push(commit('one'));
    git('tag', '--annotate', '--message', 'v1', 'v1');
    commits.push(commit('two'));
    git('branch', 'both');
    git('tag', 'both', 'v1');
    commits.push(commit('three'));
  });
  afterAll(() => rmSync(origin, { recursive: true }));

  let store: string;
  let warnings: string[];
  beforeEach(() => {
    store = mkdtempSync(join(tmpdir(), 'ashlar-store-'));
    warnings = [];
  });
  afterEach(() => rmSync(store, { recursive: true }));

  function repositories(more: Readonly<Record<string, string | undefined>> = {}): Repositories {
    const { signal } = new AbortController();
    const warn = (text: string) => void warnings.push(text);
    return new Repositories({ store, environment: { ...environment, ...more }, signal, warn });
  }

  /** As a command of its own would. */
  async function checkout(ref: string, address = url): Promise<{ directory: string; commit: string }> {
    using opened = repositories();
    return await opened.checkout(address, ref);
  }

  it('is checked out by branch, tag, commit, short commit and HEAD', async () => {
    const short = (commits[1] ?? '').slice(0, 10);
    expect((await checkout('v1')).commit).toBe(commits[0]);
    expect((await checkout('main')).commit).toBe(commits[2]);
    expect((await checkout('HEAD')).commit).toBe(commits[2]);
    expect((await checkout(commits[1] ?? '')).commit).toBe(commits[1]);
    expect((await checkout(short)).commit).toBe(commits[1]);
    expect((await checkout('both')).commit).toBe(commits[0]);
    const { directory } = await checkout('refs/heads/both');
    expect(readdirSync(directory).sort()).toEqual(['dir', 'one', 'run.sh', 'two']);
    expect(warnings).toEqual([]);
  });

  it('keeps links and modes, whatever the mask of the caller is', async () => {
    const mask = process.umask(0o077);
    try {
      const { directory } = await checkout('main');
      const mode = (name: string) => lstatSync(join(directory, name)).mode & 0o777;
      expect([mode('run.sh'), mode('one'), mode('dir')]).toEqual([0o755, 0o644, 0o755]);
      expect(readlinkSync(join(directory, 'dir', 'link'))).toBe('../run.sh');
    } finally {
      process.umask(mask);
    }
  });

  it('is fetched without its past where that is not needed', async () => {
    await checkout('main');
    const [clone = ''] = readdirSync(join(store, 'repositories')).filter(name => !name.endsWith('.lock'));
    expect(readFileSync(join(store, 'repositories', clone, 'shallow'), 'utf8').trim()).toBe(commits[2]);
  });

  it('is not asked for a commit that is here, not even with git at hand', async () => {
    const [first = ''] = commits;
    const { directory } = await checkout('v1');
    using opened = repositories({ PATH: '/nonexistent' });
    expect(await opened.checkout('https://unreachable.invalid/x.git', first)).toEqual({
      directory,
      commit: first,
    });
  });

  it('follows a branch, and is taken as it was, with a warning, when it is gone', async () => {
    const moved = mkdtempSync(join(tmpdir(), 'ashlar-moved-'));
    const there = join(moved, 'r');
    execFileSync('git', ['clone', '--quiet', origin, there], { env: environment });
    try {
      expect((await checkout('main', there)).commit).toBe(commits[2]);
      execFileSync('git', ['-C', there, 'reset', '--quiet', '--hard', commits[1] ?? ''], {
        env: environment,
      });
      expect((await checkout('main', there)).commit).toBe(commits[1]);
      renameSync(there, `${there}.gone`);
      expect((await checkout('main', there)).commit).toBe(commits[1]);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(
        new RegExp(
          `^Could not clone from ${there} \\(.*\\); using commit ${commits[1]}, which was main before$`,
        ),
      );
    } finally {
      rmSync(moved, { recursive: true });
    }
  });

  it('may give the name of a branch that is gone to a directory of branches', async () => {
    const other = mkdtempSync(join(tmpdir(), 'ashlar-other-'));
    const gitThere = (...args: readonly string[]) =>
      execFileSync('git', ['-C', other, ...identity, ...args], { env: environment });
    try {
      gitThere('init', '--quiet');
      gitThere('fetch', '--quiet', origin, 'main');
      gitThere('branch', 'main', commits[2] ?? '');
      for (const name of ['branch', 'tag']) gitThere(name, 'old', commits[0] ?? '');
      const [, second = ''] = commits;
      await checkout(second.slice(0, 10), other);
      gitThere('tag', '--delete', 'old');
      gitThere('branch', '--delete', '--force', 'old');
      gitThere('branch', 'old/new', second);
      await expect(checkout('old', other)).rejects.toThrow('Could not checkout from old');
      expect((await checkout(second.slice(0, 12), other)).commit).toBe(second);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it('is another one in another directory where its path is relative', async () => {
    const there = mkdtempSync(join(tmpdir(), 'ashlar-there-'));
    const before = process.cwd();
    execFileSync('git', ['clone', '--quiet', origin, join(there, 'r')], { env: environment });
    try {
      process.chdir(there);
      expect((await checkout('main', './r')).commit).toBe(commits[2]);
      process.chdir(store);
      await expect(checkout('main', './r')).rejects.toThrow(`Could not clone from ${join(store, 'r')}`);
    } finally {
      process.chdir(before);
      rmSync(there, { recursive: true });
    }
  });

  it('is told of in the words of CEKit when it, or what is wanted of it, is not there', async () => {
    await expect(checkout('main', `${url}.nowhere`)).rejects.toThrow(`Could not clone from ${url}.nowhere`);
    await expect(checkout('nothing')).rejects.toThrow('Could not checkout from nothing');
    await expect(checkout('f'.repeat(40))).rejects.toThrow(`Could not checkout from ${'f'.repeat(40)}`);
  });

  it('keeps passwords in its address to itself', async () => {
    const error: unknown = await checkout('main', 'https://me:secret@127.0.0.1:1/x.git').catch(
      error => error,
    );
    expect(error).toMatchObject({ message: 'Could not clone from https://127.0.0.1:1/x.git' });
    expect(inspect(error)).not.toContain('secret');
  });

  it('is never taken for an option or a program', async () => {
    const evil = join(store, 'evil');
    await expect(checkout(`--upload-pack=touch ${evil}`)).rejects.toThrow(
      'Could not checkout from --upload-pack',
    );
    await expect(checkout('main', `--upload-pack=touch ${evil}`)).rejects.toThrow('Could not clone from');
    await expect(checkout('main', `ext::sh -c touch% ${evil}`)).rejects.toThrow('Could not clone from ext::');
    await expect(checkout('main', 'http://127.0.0.1:1/x.git')).rejects.toMatchObject({
      message: 'Could not clone from http://127.0.0.1:1/x.git',
      hint: 'plain http is not used for repositories: write https, ssh or git',
      cause: { message: expect.stringContaining("transport 'http' not allowed") },
    });
    expect(existsSync(evil)).toBe(false);
  });

  it('runs no hook, be it of a template or of the settings', async () => {
    const ran = join(store, 'ran');
    const hooks = join(store, 'template', 'hooks');
    mkdirSync(hooks, { recursive: true });
    for (const name of ['post-checkout', 'post-index-change', 'reference-transaction'])
      writeFileSync(join(hooks, name), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    const settings = join(store, 'gitconfig');
    writeFileSync(settings, `[core]\n\thooksPath = ${hooks}\n`);
    using opened = repositories({ GIT_CONFIG_GLOBAL: settings, GIT_TEMPLATE_DIR: join(store, 'template') });
    await opened.checkout(url, (commits[1] ?? '').slice(0, 12));
    expect(existsSync(ran)).toBe(false);
  });

  it('asks nobody for a password', async () => {
    const asked = join(store, 'asked');
    const program = join(store, 'ask');
    writeFileSync(program, `#!/bin/sh\ntouch ${asked}\n`, { mode: 0o755 });
    using opened = repositories({ GIT_ASKPASS: program, SSH_ASKPASS: program, GIT_SSH_COMMAND: 'false' });
    await expect(opened.checkout('ssh://nobody@127.0.0.1:1/x', 'main')).rejects.toThrow(
      'Could not clone from',
    );
    expect(existsSync(asked)).toBe(false);
  });

  it('is fetched once by several builds that need it at the same time', async () => {
    using one = repositories();
    using other = repositories();
    const found = await Promise.all([
      one.checkout(url, 'main'),
      other.checkout(url, 'main'),
      other.checkout(url, 'v1'),
    ]);
    expect(found.map(({ commit }) => commit)).toEqual([commits[2], commits[2], commits[0]]);
  });

  it('is fetched again after a git that was killed has left its locks behind', async () => {
    await checkout('v1');
    const clones = join(store, 'repositories');
    const [clone = ''] = readdirSync(clones).filter(name => !name.endsWith('.lock'));
    writeFileSync(join(clones, clone, 'shallow.lock'), '');
    expect((await checkout('main')).commit).toBe(commits[2]);
  });

  it('is worked on in its own place, also when git itself has started us', async () => {
    using opened = repositories({ GIT_DIR: '/nonexistent/.git', GIT_INDEX_FILE: '/nonexistent/index' });
    expect((await opened.checkout(url, 'main')).commit).toBe(commits[2]);
  });

  it('is removed by gc when nobody uses it any more', async () => {
    const { directory } = await checkout('main');
    const collect = () =>
      collectGarbage(
        { store, olderThan: 0, all: true, dryRun: false },
        () => {},
        new AbortController().signal,
      );
    {
      using opened = repositories();
      await opened.checkout(url, 'main');
      await collect();
      expect(existsSync(join(directory, 'one'))).toBe(true);
    }
    const { removed } = await collect();
    expect(removed.map(({ use }) => use.split(' ', 1)[0]).sort()).toEqual(['checkout', 'repository']);
    expect(existsSync(directory)).toBe(false);
    expect((await checkout('main')).commit).toBe(commits[2]);
  });
});
