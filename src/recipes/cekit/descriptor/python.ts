/**
 * Scalars as CEKit's YAML reader types them (PyYAML's `safe_load`) and Python prints them. It differs from the one of
 * stacker: `y` and `1e3` are text, `190:20:30` is a number in base 60, `2020-01-01` a date.
 */

import type { YamlNode } from '../../../support/yaml.ts';
import type { ScalarValue } from '../../../support/yaml-scalars.ts';

const words = new Map<string, ScalarValue>([
  ...['', '~', 'null', 'Null', 'NULL'].map(word => [word, { kind: 'null' }] as const),
  ...['yes', 'true', 'on'].flatMap(word => spellings(word, true)),
  ...['no', 'false', 'off'].flatMap(word => spellings(word, false)),
]);

/** The typed value of a plain (unquoted) scalar. What Python cannot make a value of, a 13th month, stays text. */
export function resolvePythonScalar(text: string): ScalarValue {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(text)) return { kind: 'string', value: text };
  return parseInteger(text) ?? parseFloating(text) ?? parseTime(text) ?? { kind: 'string', value: text };
}

/** What `str()` makes of a value: `True`, `None`, `1.1`, `2020-01-01`, `['a', 1]`. */
export function printPython(node: YamlNode): string {
  switch (node.kind) {
    case 'string':
    case 'time':
      return node.value;
    default:
      return represent(node);
  }
}

/** Text as Python writes it down: in quotes, with escapes. */
export function quotePython(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\'"]|[\p{C}\p{Z}]/gu, character => {
    if (character === quote || character === '\\') return `\\${character}`;
    return /['" ]/.test(character) ? character : (escapes[character] ?? escapeCode(character));
  });
  return quote + escaped + quote;
}

/** Whether a plain scalar with a colon became a number, which hardly anybody means: `185:0` is 11100. */
export function isBase60(node: YamlNode): boolean {
  return (node.kind === 'int' || node.kind === 'float') && node.raw.includes(':');
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCode(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}

/** What `repr()` makes of a value. */
function represent(node: YamlNode): string {
  switch (node.kind) {
    case 'null':
      return 'None';
    case 'bool':
      return node.value ? 'True' : 'False';
    case 'int':
      return String(node.value);
    case 'float':
      return printFloat(node.value);
    case 'string':
      return quotePython(node.value);
    case 'time':
      return representTime(node.value);
    case 'list':
      return `[${node.items.map(represent).join(', ')}]`;
    case 'map': {
      const entries = new Map(
        node.entries.map(({ key, value }) => [represent(key), represent(value)] as const),
      );
      return `{${[...entries].map(([key, value]) => `${key}: ${value}`).join(', ')}}`;
    }
  }
}

/** The shortest exact form, with an exponent of at least two digits from 1e+16 on and below 1e-04. */
function printFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const digits = Object.is(value, -0) ? '-0' : String(value);
  return digits.includes('.') ? digits : `${digits}.0`;
}

function parseInteger(text: string): ScalarValue | undefined {
  const match =
    /^([-+]?)(?:0b([01_]+)|0x([0-9a-fA-F_]+)|0([0-7_]+)|(0|[1-9][0-9_]*)((?::[0-5]?[0-9])*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, ...forms] = match;
  const [binary, hexadecimal, octal, decimal, sixties = ''] = forms.map(form => form?.replaceAll('_', ''));
  if (decimal === '0' && sixties !== '') return undefined;
  const written =
    [
      ['0b', binary],
      ['0x', hexadecimal],
      ['0o', octal],
    ].find(([, digits]) => digits !== undefined) ?? [];
  const [prefix = '', digits = decimal ?? ''] = written;
  // `0_` is nought in base 8.
  if (digits === '' && prefix !== '0o') return undefined;
  const first = BigInt(prefix + (digits || '0'));
  const value = sixties
    .split(':')
    .slice(1)
    .reduce((sum, part) => sum * 60n + BigInt(part), first);
  return { kind: 'int', value: sign === '-' ? -value : value };
}

function parseFloating(text: string): ScalarValue | undefined {
  const infinite = /^([-+]?)\.(?:inf|Inf|INF)$/.exec(text);
  if (infinite !== null) {
    return {
      kind: 'float',
      value: infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
    };
  }
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return { kind: 'float', value: Number.NaN };
  if (/^(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/.test(text)) {
    return { kind: 'float', value: Number(text.replaceAll('_', '')) };
  }
  if (!/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/.test(text)) return undefined;
  const value = text
    .replaceAll('_', '')
    .replace(/^[-+]/, '')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);
  return { kind: 'float', value: text.startsWith('-') ? -value : value };
}

const timePattern =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$/;

function parseTime(text: string): ScalarValue | undefined {
  const match = timePattern.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour, minute, second, fraction = '', zone, sign, hours, minutes] =
    match;
  // Unlike a time, a date alone needs two digits everywhere.
  if (hour === undefined && text.length !== 10) return undefined;
  const date = [year, two(month), two(day)].join('-');
  const clock = [two(hour ?? '0'), minute ?? '00', second ?? '00'].join(':');
  const moment = new Date(`${date}T${clock}Z`);
  // The engine's calendar takes the 31st of a shorter month for the 1st of the next.
  const exists = !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(`${date}T${clock}`);
  if (!exists || year === '0000') return undefined;
  if (hour === undefined) return { kind: 'time', value: date };
  const micros = fraction.slice(0, 6).padEnd(6, '0');
  const offset =
    zone === undefined ? '' : zone === 'Z' ? '+00:00' : `${sign}${two(hours ?? '')}:${minutes ?? '00'}`;
  return {
    kind: 'time',
    value: `${date} ${clock}${micros === '000000' ? '' : `.${micros}`}${offset}`,
  };
}

/** `datetime.date(2020, 1, 1)`, out of what `parseTime` prints. */
function representTime(text: string): string {
  const [, year, month, day, hour, minute, second, fraction = '', zone, sign, hours, minutes] =
    timePattern.exec(text) ?? [];
  const date = [year, month, day].map(Number);
  if (hour === undefined) return `datetime.date(${date.join(', ')})`;
  const clock = [hour, minute, second, fraction].map(Number);
  // Seconds and what follows are left out where they are nought.
  while (clock.length > 2 && clock.at(-1) === 0) clock.pop();
  const parts: (number | string)[] = [...date, ...clock];
  if (zone !== undefined) parts.push(`tzinfo=${representZone(sign, Number(hours) * 60 + Number(minutes))}`);
  return `datetime.datetime(${parts.join(', ')})`;
}

function representZone(sign: string | undefined, minutes: number): string {
  if (minutes === 0) return 'datetime.timezone.utc';
  const day = 24 * 60 * 60;
  const seconds = minutes * 60;
  const delta = sign === '-' ? `days=-1, seconds=${day - seconds}` : `seconds=${seconds}`;
  return `datetime.timezone(datetime.timedelta(${delta}))`;
}

function two(digits: string): string {
  return digits.padStart(2, '0');
}

function spellings(word: string, value: boolean): (readonly [string, ScalarValue])[] {
  const capital = word.charAt(0).toUpperCase() + word.slice(1);
  return [word, capital, word.toUpperCase()].map(spelling => [spelling, { kind: 'bool', value }]);
}
