/** Bare clones of repositories: what of them was needed so far. */
import { existsSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { GitError, type GitOptions, git, inRepository } from './git.ts';

/** A repository that somebody has locked for us. */
export interface Clone {
  /** The bare repository. */
  readonly directory: string;
  readonly url: string;
  readonly options: GitOptions;
}

/** Says that all branches and tags were fetched, with all that is behind them. */
const COMPLETE = 'ashlar-complete';

/** Opens a clone, or makes an empty one; `temporary` is a name for that. */
export async function openClone(clone: Clone, temporary: string): Promise<void> {
  const { directory, options } = clone;
  if (!existsSync(directory)) {
    await git(['init', '--quiet', '--bare', '--template=', temporary], options);
    renameSync(temporary, directory);
    return;
  }
  // So long does it stay that nobody has asked for.
  const now = new Date();
  utimesSync(directory, now, now);
  // Nobody else is at work here: these are of a git that was killed, and would stop the next one.
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.lock') || name.startsWith('objects/pack/tmp_'))
      rmSync(join(directory, name), { force: true });
}

/**
 * The commit of a branch, a tag, a commit or whatever else git understands, with all that a work tree of it needs.
 * @throws AshlarError when the repository cannot be reached or has no such thing.
 */
export async function fetchCommit(clone: Clone, ref: string): Promise<string> {
  const named = isCommit(ref) ? await ofCommit(clone, ref) : await ofName(clone, ref);
  if (named !== undefined) return named;
  await fetchAll(clone);
  const found = (await resolve(clone, ref)) ?? (await resolve(clone, `refs/remotes/origin/${ref}`));
  if (found !== undefined) return found;
  throw new AshlarError(`Could not checkout from ${ref}`, {
    cause: new AshlarError(`${shownAddress(clone.url)} has no branch, tag or commit of this name`),
  });
}

/** 40 hexadecimal digits, or the 64 of repositories that name their objects by SHA-256. */
export function isCommit(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
}

async function ofCommit(clone: Clone, ref: string): Promise<string | undefined> {
  const known = await resolve(clone, ref);
  if (known !== undefined) return known;
  // Some servers hand out single commits; of others all has to be fetched.
  return (await succeeds(fetch(clone, ref))) ? resolve(clone, ref) : undefined;
}

/** Undefined when it is neither branch nor tag. */
async function ofName(clone: Clone, ref: string): Promise<string | undefined> {
  const name = await advertised(clone, ref);
  if (name === undefined) return undefined;
  const known = await resolve(clone, name.commit);
  if (known !== undefined) return known;
  await reaching(clone, fetch(clone, name.ref));
  return resolve(clone, 'FETCH_HEAD');
}

interface Advertised {
  /** In full: `refs/tags/v1`. */
  readonly ref: string;
  /** What it stands for at this moment. */
  readonly commit: string;
}

/** As `git checkout` would choose after a clone: the branch that HEAD is on, a tag, another branch. */
async function advertised(clone: Clone, ref: string): Promise<Advertised | undefined> {
  const [head, tag] = [`refs/heads/${ref}`, `refs/tags/${ref}`];
  const patterns = ['HEAD', head, tag, `${tag}^{}`, ref];
  const listed = await reaching(
    clone,
    git(['ls-remote', '--symref', '--', clone.url, ...patterns], clone.options),
  );
  const lines = listed.split('\n').map(line => line.split('\t', 2));
  const commits = new Map(lines.map(([commit = '', name = '']) => [name, commit]));
  const headIsHere = lines.some(([from, name]) => from === `ref: ${head}` && name === 'HEAD');
  const names = [...(headIsHere ? [head] : []), tag, head, ...(/^(?:HEAD$|refs\/)/.test(ref) ? [ref] : [])];
  const found = names.find(name => commits.has(name));
  if (found === undefined) return undefined;
  return { ref: found, commit: commits.get(`${found}^{}`) ?? commits.get(found) ?? '' };
}

/** Only what is needed of one ref, where the server can do that. */
async function fetch(clone: Clone, ref: string): Promise<void> {
  if (existsSync(join(clone.directory, COMPLETE))) return fetchFrom(clone, [], [ref]);
  if (!(await succeeds(fetchFrom(clone, ['--depth=1'], [ref])))) await fetchFrom(clone, [], [ref]);
}

async function fetchAll(clone: Clone): Promise<void> {
  const shallow = existsSync(join(clone.directory, 'shallow')) ? ['--unshallow'] : [];
  const refs = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
  // What is gone there must not be found here, nor be in the way of a new branch below its name.
  await reaching(clone, fetchFrom(clone, ['--prune', ...shallow], refs));
  writeFileSync(join(clone.directory, COMPLETE), '');
}

async function fetchFrom(
  { directory, url, options }: Clone,
  flags: readonly string[],
  refs: readonly string[],
): Promise<void> {
  const command = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', ...flags];
  await git(inRepository(directory, ...command, '--', url, ...refs), options);
}

/** The commit of an expression, if all of it is here. */
async function resolve({ directory, options }: Clone, expression: string): Promise<string | undefined> {
  const command = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${expression}^{commit}`];
  try {
    return (await git(inRepository(directory, ...command), options)).trim();
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof GitError) return false;
    throw error;
  }
}

async function reaching<T>({ url }: Clone, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    // Nobody could tell whether it is still the repository that was meant.
    const hint = /^http:/i.test(url)
      ? 'plain http is not used for repositories: write https, ssh or git'
      : undefined;
    throw new CloneError(`Could not clone from ${shownAddress(url)}`, { hint, cause });
  }
}

/** An address as it may be shown: tokens are names of users as well as passwords. */
function shownAddress(url: string): string {
  return url.replace(/^(https?:\/\/)[^/]*@/i, '$1');
}

/** A repository cannot be had, for whatever reason. */
export class CloneError extends AshlarError {}

/** Writes the files of a commit into a new directory. */
export async function writeFiles(
  { directory, options }: Clone,
  commit: string,
  target: string,
): Promise<void> {
  const place = { GIT_WORK_TREE: target, GIT_INDEX_FILE: `${target}.index` };
  await git(inRepository(directory, 'read-tree', commit), options, place);
  await git(inRepository(directory, 'checkout-index', '--all', '--quiet'), options, place);
}
