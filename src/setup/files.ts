/** Files that are made and removed, and who they belong to. */
import { posix } from 'node:path';
import { AshlarError } from '../support/errors.ts';
import { Accounts } from './accounts.ts';
import { fromText, removeAll } from './entries.ts';
import type { SetupTree } from './tree.ts';
import type { SetupChange } from './types.ts';

type Change<K extends SetupChange['kind']> = Extract<SetupChange, { kind: K }>;

export function writeFile(tree: SetupTree, { path, text, mode, ifMissing }: Change<'file'>): void {
  const name = fromText(path);
  if (!ifMissing || !tree.has(name)) tree.write(name, fromText(text), { mode, uid: 0, gid: 0 });
}

export function makeDirectory(tree: SetupTree, { path, mode, ifMissing }: Change<'directory'>): void {
  const name = fromText(path);
  if (!ifMissing || !tree.has(name)) tree.makeDirectory(name, { mode, uid: 0, gid: 0 });
}

export function makeLink(tree: SetupTree, { path, target, ifMissing }: Change<'link'>): void {
  const name = fromText(path);
  if (!ifMissing || !tree.has(name)) tree.link(name, fromText(target));
}

/** Removes what is at a path, or what matches its last component. */
export function remove(tree: SetupTree, path: string): void {
  const name = fromText(path);
  const last = posix.basename(name);
  const directory = posix.dirname(name);
  const matching = tree.list(directory).filter(child => matches(child, last));
  if (matching.length === 0) return;
  tree.inDirectory(directory, fd => {
    for (const child of matching) removeAll(fd, child);
  });
}

/** Each `*` takes as little as it can, and only the last one is ever given more: no pattern takes long. */
function matches(name: string, pattern: string): boolean {
  let [n, p, star, taken] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = n;
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return [...pattern.slice(p)].every(character => character === '*');
}

export function changeOwner(tree: SetupTree, { path, owner, mode }: Change<'owner'>): void {
  const name = fromText(path);
  if (!tree.status(name)) throw new AshlarError(`there is no ${path} in the tree`);
  tree.changeAttributes(name, {
    ...(owner !== undefined && ownerOf(tree, owner)),
    ...(mode !== undefined && { mode }),
  });
}

function ownerOf(tree: SetupTree, owner: string): { uid?: number; gid?: number } {
  const [user = '', group = ''] = owner.split(':');
  const accounts = new Accounts(tree);
  return {
    ...(user !== '' && { uid: known(accounts.uid(user), 'user', user) }),
    ...(group !== '' && { gid: known(accounts.gid(group), 'group', group) }),
  };
}

function known(id: number | undefined, what: string, name: string): number {
  if (id !== undefined) return id;
  throw new AshlarError(
    `there is no ${what} ${name} in /etc/${what === 'user' ? 'passwd' : 'group'} of the tree`,
  );
}
