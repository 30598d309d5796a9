/** Paths as layers have them, and the directories above them. Those of hostile images may be thousands deep. */
import type { ByteString } from '../layers/index.ts';

export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

/** The directories above a path, from the root down. */
export function parentsOf(path: ByteString): ByteString[] {
  const parents: ByteString[] = [];
  for (let at = path; at !== ''; ) {
    at = parentOf(at);
    parents.push(at);
  }
  return parents.reverse();
}

export function childrenOf(paths: Iterable<ByteString>): Map<ByteString, ByteString[]> {
  const children = new Map<ByteString, ByteString[]>();
  for (const path of new Set(paths)) {
    if (path === '') continue;
    const parent = parentOf(path);
    const siblings = children.get(parent);
    if (siblings) siblings.push(path);
    else children.set(parent, [path]);
  }
  return children;
}

/** The paths and the directories above them, each once. */
export function withParents(paths: Iterable<ByteString>): Set<ByteString> {
  const all = new Set<ByteString>(['']);
  for (const path of paths) {
    for (let at = path; !all.has(at); at = parentOf(at)) all.add(at);
  }
  return all;
}

/**
 * Finds the highest directory above a path of which something is true. What has been found is remembered: the answer
 * for a directory must not change once something below it has been asked for.
 */
export function highestAbove(
  isTrue: (directory: ByteString) => boolean,
): (path: ByteString) => ByteString | undefined {
  const known = new Map<ByteString, ByteString | undefined>();
  const above = (path: ByteString): ByteString | undefined => {
    if (path === '') return undefined;
    const parent = parentOf(path);
    const earlier = known.get(parent);
    if (earlier !== undefined || known.has(parent)) return earlier;
    const found = above(parent) ?? (isTrue(parent) ? parent : undefined);
    known.set(parent, found);
    return found;
  };
  return above;
}
