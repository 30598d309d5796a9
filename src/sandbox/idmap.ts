import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { getXattr } from '../linux/index.ts';
import { findProgram } from '../support/process.ts';

/**
 * Which user and group ids exist inside our namespaces:
 * `host`: we are root, all of them; `ranges`: a plain user with subordinate ids, our own id is 0 and the ranges of
 * /etc/subuid follow; `single`: a plain user without them, only 0 exists and no other owner can be kept.
 */
export type IdMap =
  | { readonly kind: 'host' }
  | { readonly kind: 'ranges' }
  /** `cure`: what makes it `ranges`. */
  | { readonly kind: 'single'; readonly reason: string; readonly cure: string };

/** What this user can have on this machine. Looks, does not try. */
export function detectIdMap(): IdMap {
  if (process.getuid?.() === 0) return { kind: 'host' };
  for (const program of ['newuidmap', 'newgidmap']) {
    const path = findProgram(program);
    if (!path) {
      const cure = 'as root: apt install uidmap | dnf install shadow-utils | zypper install shadow';
      return { kind: 'single', reason: `${program} not found in path`, cure };
    }
    if (!mayMapIds(path)) {
      const reason = `${path} does not have either setuid-root or security caps`;
      return { kind: 'single', reason, cure: `as root: chmod u+s ${path}` };
    }
  }
  const { username, uid } = userInfo();
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    if (!hasRange(file, username, uid)) {
      const cure = `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`;
      return { kind: 'single', reason: `${file} has no range for ${username}`, cure };
    }
  }
  return { kind: 'ranges' };
}

function mayMapIds(program: string): boolean {
  const { mode, uid } = statSync(program);
  return (uid === 0 && (mode & 0o4000) !== 0) || getXattr(program, 'security.capability') !== undefined;
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
