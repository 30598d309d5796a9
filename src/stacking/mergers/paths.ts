/** Paths as programs write them, and where in a tree they lead. */
import { toText } from '../../layers/index.ts';
import type { TreeView } from '../merger.ts';

/** As many links as Linux follows. */
const MOST_LINKS = 40;

/**
 * The path with links in its directories followed, its last name not: as layers name it. Undefined where links lead
 * in a circle.
 */
export function realPath(tree: TreeView, path: string): string | undefined {
  const pending = path.split('/').reverse();
  const real: string[] = [];
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      real.pop();
      continue;
    }
    const entry = pending.length > 0 ? tree.entry(`/${[...real, name].join('/')}`) : undefined;
    if (entry?.type !== 'symlink') {
      real.push(name);
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) return undefined;
    const target = toText(entry.link);
    if (target.startsWith('/')) real.length = 0;
    pending.push(...target.split('/').reverse());
  }
  return `/${real.join('/')}`;
}
