import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isBase60,
  printPython,
  quotePython,
  resolvePythonScalar,
} from '../../../../src/recipes/cekit/descriptor/python.ts';
import { sourceText } from '../../../../src/support/source-text.ts';
import { parseYaml } from '../../../../src/support/yaml.ts';

const parse = (text: string) => parseYaml(sourceText('/f', text), resolvePythonScalar);

/** What Python 3.11 with PyYAML 6.0.3 makes of scalars: the type, and what `str()` prints. */
const scalars: readonly (readonly [text: string, kind: string, printed: string])[] = [
  ['0777', 'int', '511'],
  ['012', 'int', '10'],
  ['00', 'int', '0'],
  ['0o17', 'string', '0o17'],
  ['08', 'string', '08'],
  ['0b101', 'int', '5'],
  ['0b', 'string', '0b'],
  ['0x1F', 'int', '31'],
  ['-0x1f', 'int', '-31'],
  ['1_000', 'int', '1000'],
  ['1__0', 'int', '10'],
  ['0_7', 'int', '7'],
  ['+12', 'int', '12'],
  ['-0', 'int', '0'],
  ['123456789012345678901234567890', 'int', '123456789012345678901234567890'],
  ['190:20:30', 'int', '685230'],
  ['185:0', 'int', '11100'],
  ['-1:30', 'int', '-90'],
  ['1:60', 'string', '1:60'],
  ['0:30', 'string', '0:30'],
  ['190:20:30.15', 'float', '685230.15'],
  ['1:2:3.5', 'float', '3723.5'],
  ['1.10', 'float', '1.1'],
  ['100.0', 'float', '100.0'],
  ['5.', 'float', '5.0'],
  ['.5', 'float', '0.5'],
  ['-.5', 'string', '-.5'],
  ['0.0', 'float', '0.0'],
  ['-0.0', 'float', '-0.0'],
  ['1.5e3', 'string', '1.5e3'],
  ['1e3', 'string', '1e3'],
  ['1e+3', 'string', '1e+3'],
  ['1.e+3', 'float', '1000.0'],
  ['1.5E+3', 'float', '1500.0'],
  ['1.0e-5', 'float', '1e-05'],
  ['0.0001', 'float', '0.0001'],
  ['0.00001', 'float', '1e-05'],
  ['1234567890123456.0', 'float', '1234567890123456.0'],
  ['12345678901234567.0', 'float', '1.2345678901234568e+16'],
  ['1.0e+16', 'float', '1e+16'],
  ['1.0e+22', 'float', '1e+22'],
  ['1_0.5_0', 'float', '10.5'],
  ['.inf', 'float', 'inf'],
  ['-.INF', 'float', '-inf'],
  ['.nan', 'float', 'nan'],
  ['yes', 'bool', 'True'],
  ['On', 'bool', 'True'],
  ['no', 'bool', 'False'],
  ['OFF', 'bool', 'False'],
  ['y', 'string', 'y'],
  ['tRue', 'string', 'tRue'],
  ['~', 'null', 'None'],
  ['NULL', 'null', 'None'],
  ['2020-01-01', 'time', '2020-01-01'],
  ['2020-1-1', 'string', '2020-1-1'],
  ['2020-1-1 10:00:00', 'time', '2020-01-01 10:00:00'],
  ['2001-12-14t21:59:43.10-05:00', 'time', '2001-12-14 21:59:43.100000-05:00'],
  ['2001-12-15T02:59:43.1Z', 'time', '2001-12-15 02:59:43.100000+00:00'],
  ['2001-12-14 21:59:43 -5', 'time', '2001-12-14 21:59:43-05:00'],
  ['2001-12-14 21:59:43.123456789', 'time', '2001-12-14 21:59:43.123456'],
  // Python refuses these two; text is what was meant.
  ['2020-13-45', 'string', '2020-13-45'],
  ['2021-02-29', 'string', '2021-02-29'],
  ['1.2.3', 'string', '1.2.3'],
  ['"5"', 'string', '5'],
  ['!!str 5', 'string', '5'],
  ["!!int '5'", 'int', '5'],
];

/** What `str()` prints of values that hold others. */
const collections: readonly (readonly [text: string, printed: string])[] = [
  ['[]', '[]'],
  ['{}', '{}'],
  ['[1, true, ~, 1.0, .inf, a]', "[1, True, None, 1.0, inf, 'a']"],
  ['{a: [x, {b: 1}], 2: yes}', "{'a': ['x', {'b': 1}], 2: True}"],
  ['{1: a, 1: b}', "{1: 'b'}"],
  [
    '[x"y, "it\'s", "a\'b\\"c", "\\n\\t\\\\\\x01é\\u200b😀\\u00a0"]',
    `['x"y', "it's", 'a\\'b"c', '\\n\\t\\\\\\x01é\\u200b😀\\xa0']`,
  ],
  [
    '[2020-01-01, 2001-12-14 21:59:43, 2001-12-14 21:59:43.1, 2020-01-01 00:00:00]',
    '[datetime.date(2020, 1, 1), datetime.datetime(2001, 12, 14, 21, 59, 43), ' +
      'datetime.datetime(2001, 12, 14, 21, 59, 43, 100000), datetime.datetime(2020, 1, 1, 0, 0)]',
  ],
  [
    '[2001-12-15T02:59:43Z, 2001-12-14 21:59:43 -5, 2001-12-14 21:59:43 +05:30]',
    '[datetime.datetime(2001, 12, 15, 2, 59, 43, tzinfo=datetime.timezone.utc), ' +
      'datetime.datetime(2001, 12, 14, 21, 59, 43, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400))), ' +
      'datetime.datetime(2001, 12, 14, 21, 59, 43, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800)))]',
  ],
];

describe('values as Python has them', () => {
  it.each(scalars)('%s is %s, printed %s', (text, kind, printed) => {
    const node = parse(text);
    expect([node.kind, printPython(node)]).toEqual([kind, printed]);
  });

  it.each(collections)('%s is printed %s', (text, printed) => {
    expect(printPython(parse(text))).toBe(printed);
  });

  it('knows numbers of base 60, whatever they look like', () => {
    expect(['185:0', '1:2.5', '185', '"185:0"', 'a:b'].map(text => isBase60(parse(text)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('keeps every integer exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), value => {
        expect(resolvePythonScalar(String(value))).toEqual({ kind: 'int', value });
      }),
    );
  });

  it('prints floats so that reading them again gives the same', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
        const printed = printPython({
          kind: 'float',
          value,
          raw: '',
          span: { file: '', line: 1, column: 1 },
        });
        expect(Number(printed)).toBe(value);
        expect(printed).toMatch(/^-?\d+(\.\d+)?(e[+-]\d\d+)?$/);
      }),
    );
  });

  it('never puts what ends a line or hides into quotes as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(quotePython(text)).toMatch(/^(['"])[^\p{Cc}\p{Zl}\p{Zp}]*\1$/u);
      }),
      { numRuns: 50 },
    );
  });
});
