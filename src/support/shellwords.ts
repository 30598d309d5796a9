import { AshlarError } from './errors.ts';

/**
 * The words of a command line, split and unquoted like a POSIX shell does but with nothing expanded. Quoted empty
 * words are kept. In double quotes a backslash protects only `"` and `\`, as in Python's `shlex`, which stacker's
 * parser copies.
 *
 * Throws `No closing quotation` or `No escaped character`.
 */
export function splitShellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '\\') {
      i += 1;
      if (i >= line.length) throw new AshlarError('No escaped character');
      word = (word ?? '') + line.charAt(i);
    } else if (char === "'" || char === '"') {
      const end = closingQuote(line, i);
      const inner = line.slice(i + 1, end);
      word = (word ?? '') + (char === '"' ? inner.replace(/\\([\\"])/g, '$1') : inner);
      i = end;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function closingQuote(line: string, start: number): number {
  const quote = line.charAt(start);
  for (let i = start + 1; i < line.length; i++) {
    const char = line.charAt(i);
    if (char === quote) return i;
    if (char === '\\' && quote === '"') i += 1;
  }
  throw new AshlarError('No closing quotation');
}
