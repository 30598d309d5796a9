import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { findProgram } from '../support/process.ts';

/**
 * Which user and group ids exist inside our namespaces:
 * `host`: we are root, all of them; `ranges`: a plain user with subordinate ids, our own id is 0 and the ranges of
 * /etc/subuid follow; `single`: a plain user without them, only 0 exists and no other owner can be kept.
 */
export type IdMap =
  | { readonly kind: 'host' }
  | { readonly kind: 'ranges' }
  | { readonly kind: 'single'; readonly reason: string };

/** What this user can have on this machine. Looks, does not try. */
export function detectIdMap(): IdMap {
  if (process.getuid?.() === 0) return { kind: 'host' };
  for (const program of ['newuidmap', 'newgidmap']) {
    if (!findProgram(program))
      return { kind: 'single', reason: `${program} is not installed (package uidmap or shadow)` };
  }
  const { username, uid } = userInfo();
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    if (!hasRange(file, username, uid))
      return { kind: 'single', reason: `${file} has no range for ${username}` };
  }
  return { kind: 'ranges' };
}

function hasRange(file: string, username: string, uid: number): boolean {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return false;
  }
  return text.split('\n').some(line => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
}
