/** Symbolic links of a directory that must not lead out of it. */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';
import { joinPath, splitLast } from './names.ts';

/** As in the kernel (MAXSYMLINKS); what leads in circles leads nowhere. */
const LINKS_FOLLOWED = 40;

/**
 * Links by their paths relative to the directory, with their targets.
 * Throws an AshlarError, which names the link, for the first that leads out: as an absolute path, through too many
 * `..`, or by way of other links.
 */
export function checkLinksStayInside(links: ReadonlyMap<ByteString, ByteString>): void {
  for (const [path, target] of links) {
    if (staysInside(path, links)) continue;
    throw new AshlarError(`the symbolic link ${quote(path)} leads out of the directory: ${quote(target)}`, {
      hint: 'copy what it leads to into the directory, or leave the link out',
    });
  }
}

function staysInside(path: ByteString, links: ReadonlyMap<ByteString, ByteString>): boolean {
  let at: ByteString = '';
  let followed = 0;
  const rest = path.split('/').reverse();
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (at === '') return false;
      at = splitLast(at).parent;
      continue;
    }
    const next = joinPath(at, name);
    const target = links.get(next);
    if (target === undefined) {
      at = next;
      continue;
    }
    if (target.startsWith('/')) return false;
    if (++followed > LINKS_FOLLOWED) return true;
    rest.push(...target.split('/').reverse());
  }
  return true;
}
