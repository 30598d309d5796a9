/** Sizes as people type them. */

/** Bytes: `20GB`, `1.5G`, `500MB` in powers of ten, `20GiB` in powers of two, or a number alone. */
export function parseSize(text: string): number | undefined {
  const [, number, prefix, binary] = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i)?)?b?$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  const power = prefix === undefined ? 0 : 'kmgt'.indexOf(prefix.toLowerCase()) + 1;
  return Number(number) * (binary ? 1024 : 1000) ** power;
}
