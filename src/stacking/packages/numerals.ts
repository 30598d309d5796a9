/** Compares two texts of decimal digits, as many as one likes, by their value; no digits are zero. */
export function compareNumerals(a: string, b: string): number {
  const one = a.replace(/^0+/, '');
  const other = b.replace(/^0+/, '');
  return one.length - other.length || compareText(one, other);
}

/** By code units, as `<` does. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
