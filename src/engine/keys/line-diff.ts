/** Cells of the table of common subsequences that are worth their time; beyond it, all lines in between count as changed. */
const LARGEST = 4_000_000;

/** The lines of two texts that are not common to both, in order: `- old`, `+ new`. */
export function changedLines(before: string, now: string): readonly string[] {
  const [old, fresh] = [before, now].map(text => text.replace(/\n$/, '').split('\n')) as [string[], string[]];
  let start = 0;
  while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start += 1;
  let end = 0;
  const longest = Math.min(old.length, fresh.length) - start;
  while (end < longest && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  return middle(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end));
}

/** By the longest common subsequence. */
function middle(old: readonly string[], fresh: readonly string[]): readonly string[] {
  const removed = (line: string) => `- ${line}`;
  const added = (line: string) => `+ ${line}`;
  if (old.length * fresh.length > LARGEST) return [...old.map(removed), ...fresh.map(added)];
  const width = fresh.length + 1;
  // At [i, j]: how many lines the rests from i and from j have in common.
  const common = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        old[i] === fresh[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: string[] = [];
  for (let i = 0, j = 0; i < old.length || j < fresh.length; ) {
    const [a, b] = [old[i], fresh[j]];
    if (a !== undefined && a === b) {
      i += 1;
      j += 1;
    } else if (a !== undefined && (b === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(a));
      i += 1;
    } else if (b !== undefined) {
      lines.push(added(b));
      j += 1;
    }
  }
  return lines;
}
