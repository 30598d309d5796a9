/** The value of a scalar, typed as YAML 1.1 does. Integers are exact; a time is what its dialect prints. */
export type ScalarValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'time'; readonly value: string }
  | { readonly kind: 'string'; readonly value: string };

/** Types the text of a plain (unquoted) scalar. Programs that read YAML 1.1 differ in this. */
export type ScalarDialect = (text: string) => ScalarValue;

const words = new Map<string, ScalarValue>([
  ...['', '~', 'null', 'Null', 'NULL'].map(word => [word, { kind: 'null' }] as const),
  ...['y', 'yes', 'true', 'on'].flatMap(word => spellings(word, true)),
  ...['n', 'no', 'false', 'off'].flatMap(word => spellings(word, false)),
  ...['.inf', '+.inf', '.Inf', '.INF', '+.Inf', '+.INF'].map(word => float(word, Number.POSITIVE_INFINITY)),
  ...['-.inf', '-.Inf', '-.INF'].map(word => float(word, Number.NEGATIVE_INFINITY)),
  ...['.nan', '.NaN', '.NAN'].map(word => float(word, Number.NaN)),
]);

/**
 * The typed value of a plain (unquoted) scalar by YAML 1.1 as the Go library of stacker reads it: `yes` is true,
 * `0755` is octal, `1.10` a number, `1e3` too; but `12:30` (base 60) and `2020-01-01` stay text.
 */
export function resolvePlainScalar(text: string): ScalarValue {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(text)) return { kind: 'string', value: text };
  const digits = text.replaceAll('_', '');
  const integer = parseInteger(digits);
  if (integer !== undefined) return { kind: 'int', value: integer };
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(digits)) {
    return { kind: 'float', value: Number(digits) };
  }
  return { kind: 'string', value: text };
}

/** The text of a typed value as the Go library prints it: `1.10` -> `1.1`, `0755` -> `493`, `yes` -> `true`. */
export function printScalar(scalar: ScalarValue): string {
  switch (scalar.kind) {
    case 'null':
      return '';
    case 'bool':
    case 'int':
      return String(scalar.value);
    case 'float':
      return printFloat(scalar.value);
    case 'time':
    case 'string':
      return scalar.value;
  }
}

function parseInteger(digits: string): bigint | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/.exec(digits);
  const [, sign, magnitude] = match ?? [];
  if (magnitude === undefined) return undefined;
  const octal = /^0[oO]?([0-7]+)$/.exec(magnitude)?.[1];
  const value = BigInt(octal === undefined ? magnitude : `0o${octal}`);
  // What does not fit a 64 bit integer is a float there.
  const signed = sign === '-' ? -value : value;
  return signed >= -(2n ** 63n) && signed < 2n ** 64n ? signed : undefined;
}

/** The shortest exact form, with an exponent of at least two digits from 1e+06 on and below 1e-04 (Go's `%g`). */
function printFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return Object.is(value, -0) ? '-0' : String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function spellings(word: string, value: boolean): (readonly [string, ScalarValue])[] {
  const capital = word.charAt(0).toUpperCase() + word.slice(1);
  return [word, capital, word.toUpperCase()].map(spelling => [spelling, { kind: 'bool', value }]);
}

function float(word: string, value: number): readonly [string, ScalarValue] {
  return [word, { kind: 'float', value }];
}
