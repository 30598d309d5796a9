/** How texts look on a terminal: how wide they are, and that they cannot change anything but the place they are at. */

/** The text with control characters, and those that change the direction or order of others, written as escapes. */
export function printable(text: string): string {
  return text.replaceAll('\t', '    ').replace(unsafe, escapeChar);
}

/** Line breaks stay, with the next line indented so that it cannot pass for a line of ours. */
export function printableLines(text: string): string {
  return text.replace(/\n(?=.)/g, '\n  ').replace(unsafe, char => (char === '\n' ? char : escapeChar(char)));
}

/** How many columns of a terminal the text takes. */
export function cells(text: string): number {
  let width = 0;
  for (const char of text) width += cellsOf(char);
  return width;
}

/** The text, cut where it takes more than `width` columns; an ellipsis tells that something is missing. */
export function clipped(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const char of text) {
    used += cellsOf(char);
    if (used > width) break;
    kept += char;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** The text with spaces behind it, up to `width` columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - cells(text)));
}

const unsafe = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

function escapeChar(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

function cellsOf(char: string): number {
  if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}

// East Asian wide and fullwidth characters, and emoji that are shown as pictures (Unicode TR 11, TR 51).
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
