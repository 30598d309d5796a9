/** Files that mergers make. */
import { createHash } from 'node:crypto';
import { PLAIN_FILE } from '../entries.ts';
import type { MergedFile, PartView, TreeView } from '../merger.ts';

/**
 * A file with other content and the attributes of what `views` have at its path, the last one's first. Its time is
 * the latest of theirs, so that it does not depend on when the merge was made.
 */
export function madeFile(path: string, content: Uint8Array, views: readonly TreeView[]): MergedFile {
  const entries = views.map(view => view.entry(path)).filter(entry => entry?.type === 'file');
  const times = entries.map(entry => entry?.mtime ?? 0n).toSorted((a, b) => Number(a - b));
  const { linkedTo: _, ...like } = entries.at(-1) ?? PLAIN_FILE;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const entry = { ...like, size: content.length, sha256, mtime: times.at(-1) ?? 0n };
  return { kind: 'file', path, entry, content };
}

/** What the last of the parts that changed them has at the paths: for what cannot be merged. */
export async function prevailing(
  paths: readonly string[],
  parts: readonly PartView[],
): Promise<readonly MergedFile[]> {
  return Promise.all(
    paths.map(path =>
      asIn(
        parts.findLast(part => part.changed(path)),
        path,
      ),
    ),
  );
}

/** What a tree has at a path; without a tree, nothing. */
export async function asIn(tree: TreeView | undefined, path: string): Promise<MergedFile> {
  const version = await tree?.read(path);
  return version === undefined
    ? { kind: 'removed', path }
    : { kind: 'file', path, entry: version.entry, content: version.content };
}
