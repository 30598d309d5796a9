import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { AshlarError } from '../../src/support/errors.ts';
import { sourceText } from '../../src/support/source-text.ts';
import {
  keyName,
  parseYaml,
  showYaml,
  textOf,
  uniqueEntries,
  type YamlNode,
} from '../../src/support/yaml.ts';
import { printScalar, resolvePlainScalar } from '../../src/support/yaml-scalars.ts';

function parse(text: string): YamlNode {
  return parseYaml(sourceText('/f.yaml', text));
}

function problem(text: string): AshlarError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
  throw new Error('the text was expected to be refused');
}

/** The nodes as plain values, with maps as lists of pairs. */
function plain(node: YamlNode): unknown {
  switch (node.kind) {
    case 'list':
      return node.items.map(plain);
    case 'map':
      return node.entries.map(({ key, value }) => [plain(key), plain(value)]);
    case 'null':
      return null;
    default:
      return node.value;
  }
}

describe('YAML', () => {
  it.each([
    [
      'a: 1\nb: [x, "y", true]\n',
      [
        ['a', 1n],
        ['b', ['x', 'y', true]],
      ],
    ],
    ['? [a, b]\n: c\n', [[['a', 'b'], 'c']]],
    ['a:\n', [['a', null]]],
    ['', null],
    ['# comment\n', null],
    [
      'a: 1\na: 2\n',
      [
        ['a', 1n],
        ['a', 2n],
      ],
    ],
    [
      'a: !!str 1\nb: !!int "2"\nc: !other 3\nd: !!str\n',
      [
        ['a', '1'],
        ['b', 2n],
        ['c', 3n],
        ['d', ''],
      ],
    ],
    [
      'a: |\n  x\n  \ty\nb: >-\n  c\n  d\n',
      [
        ['a', 'x\n\ty\n'],
        ['b', 'c d'],
      ],
    ],
    ['a: "\\x41\\n"\n', [['a', 'A\n']]],
    // Lines in quotes and brackets need no indentation, whatever the grammar says.
    [
      'a:\n  b: [\n  c,\nd e\nf\n  ]\n  g: {\nh: [],\n}\n  k: l\n',
      [
        [
          'a',
          [
            ['b', ['c', 'd e f']],
            ['g', [['h', []]]],
            ['k', 'l'],
          ],
        ],
      ],
    ],
    [
      'a:\n  - b: "x\\\ny\n\nz"\n    c: \'v\nw\'\n  - {d: "t\nu"}\n',
      [
        [
          'a',
          [
            [
              ['b', 'xy\nz'],
              ['c', 'v w'],
            ],
            [['d', 't u']],
          ],
        ],
      ],
    ],
    ['%YAML 1.1\n---\na: b\n...\n', [['a', 'b']]],
  ])('%j', (text, expected) => {
    expect(plain(parse(text))).toEqual(expected);
  });

  it('knows the place of every node', () => {
    const node = parse('a: b\nlist:\n  - {c: "d"}\n  -\nx: |\n  text\n');
    if (node.kind !== 'map') throw new Error('not a map');
    expect(node.entries.map(({ key, value }) => [key.span, value.span])).toMatchObject([
      [
        { line: 1, column: 1, length: 1 },
        { line: 1, column: 4, length: 1 },
      ],
      [
        { line: 2, column: 1, length: 4 },
        { line: 3, column: 3, length: 10 },
      ],
      [
        { line: 5, column: 1, length: 1 },
        { line: 5, column: 4, length: 1 },
      ],
    ]);
    expect(node.span).toMatchObject({ file: '/f.yaml', line: 1, column: 1 });
  });

  it('expands aliases, whose place is where they stand', () => {
    const node = parse('a: &x [1]\nb: *x\nc: &x 2\nd: *x\n');
    expect(plain(node)).toEqual([
      ['a', [1n]],
      ['b', [1n]],
      ['c', 2n],
      ['d', 2n],
    ]);
    expect(node.kind === 'map' && node.entries[1]?.value.span).toMatchObject({ line: 2, column: 4 });
  });

  it('merges maps in the place of the merge key, where what the map has itself wins', () => {
    expect(plain(parse('b:\n  w: 0\n  <<: {x: 1, v: 2}\n  x: 3\n  z: 4\n'))).toEqual([
      [
        'b',
        [
          ['w', 0n],
          ['v', 2n],
          ['x', 3n],
          ['z', 4n],
        ],
      ],
    ]);
    expect(plain(parse('<<: [{x: 1, v: 1}, {v: 2, z: 2}]\n'))).toEqual([
      ['x', 1n],
      ['v', 1n],
      ['z', 2n],
    ]);
    expect(plain(parse('a: &a {x: 1}\nb: {<<: *a}\n'))).toEqual([
      ['a', [['x', 1n]]],
      ['b', [['x', 1n]]],
    ]);
    expect(plain(parse('"<<": {x: 1}\n'))).toEqual([['<<', [['x', 1n]]]]);
  });

  it.each([
    ['a: "x\n', 'Missing closing "quote', 2, 1],
    ['a: [1\nb: 2\n', /Flow sequence/, 2, 1],
    ['a: *b\n', 'unknown anchor "b"', 1, 4],
    ['a: &b [*b]\n', 'anchor "b" contains itself', 1, 8],
    ['<<: 5\n', 'only maps can be merged with <<', 1, 5],
    ['a: b\n---\nc: d\n', 'more than one YAML document', 2, 1],
    // The place is where it went wrong, not where the text ends.
    [
      'a: [b\nc: d\ne: f\n',
      'Flow sequence in block collection must be sufficiently indented and end with a ]',
      2,
      1,
    ],
    ['a: "\\0"\n', 'a NUL character cannot be used here', 1, 4],
    ['a:\n\tb: 1\n', 'a tab is used for indentation, which YAML does not allow', 2, 1],
    ['a:\n  - b\n  \t- c: d\n', 'a tab is used for indentation, which YAML does not allow', 3, 3],
  ] as const)('refuses %j with reason and place', (text, message, line, column) => {
    const error = problem(text);
    if (typeof message === 'string') expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
    expect(error.at).toMatchObject({ file: '/f.yaml', line, column });
  });

  it('suggests the anchor that was probably meant', () => {
    expect(problem('a: &anchor x\nb: *anhcor\n').hint).toBe('did you mean "anchor"?');
  });

  it('reads back what was written, whatever it is', () => {
    const value = fc.jsonValue({ maxDepth: 3 }).filter(value => !JSON.stringify(value).includes('\\u0000'));
    const expected = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(expected);
      if (value !== null && typeof value === 'object') {
        return Object.entries(value).map(([key, item]) => [key, expected(item)]);
      }
      return Number.isInteger(value) ? Number(value) : value;
    };
    const read = (node: YamlNode): unknown =>
      JSON.parse(JSON.stringify(plain(node), (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
    fc.assert(
      fc.property(value, value => {
        const text = stringify(value, { version: '1.1', aliasDuplicateObjects: false });
        expect(read(parse(text))).toEqual(JSON.parse(JSON.stringify(expected(value))));
      }),
    );
  });

  it('warns of keys that are given twice, of which the last one counts', () => {
    const node = parse('a: 1\nb: 2\na: 3\n? [x]\n: 4\n');
    if (node.kind !== 'map') throw new Error('not a map');
    const warnings: unknown[] = [];
    const entries = uniqueEntries(node, (message, at) => warnings.push([message, at.line]));
    expect(entries.map(({ key, value }) => [keyName(key), textOf(value)])).toEqual([
      ['a', '3'],
      ['b', '2'],
      ['["x"]', '4'],
    ]);
    expect(warnings).toEqual([["'a' is given twice, the last one counts", 3]]);
  });

  it('shows values on one line, cut where they are long', () => {
    expect(showYaml(parse('{a: [1, x, null, 0755, yes], b: {}}'))).toBe(
      '{"a": [1, "x", null, 493, true], "b": {}}',
    );
    expect(showYaml(parse('"a\\nb"'))).toBe('"a\\nb"');
    expect(showYaml(parse('x'.repeat(500)))).toHaveLength(201);
  });
});

describe('plain scalars', () => {
  it.each([
    ...[
      ['', 'null'],
      ['~', 'null'],
      ['Null', 'null'],
      ['nULL', 'string'],
    ],
    ...[
      ['y', 'bool'],
      ['NO', 'bool'],
      ['On', 'bool'],
      ['oFF', 'string'],
      ['TRUE', 'bool'],
      ['false', 'bool'],
    ],
    ...[
      ['0', 'int'],
      ['-7', 'int'],
      ['+7', 'int'],
      ['0o17', 'int'],
      ['0b11', 'int'],
      ['0xfF', 'int'],
      ['1_0', 'int'],
    ],
    ...[
      ['1.', 'float'],
      ['.5', 'float'],
      ['-.5e-3', 'float'],
      ['1e3', 'float'],
      ['.inf', 'float'],
      ['.NaN', 'float'],
    ],
    ...[
      ['08', 'float'],
      ['09.5', 'float'],
      ['18446744073709551616', 'float'],
    ],
    ...[
      ['1:30', 'string'],
      ['2020-01-01', 'string'],
      ['1.2.3', 'string'],
      ['-', 'string'],
      ['.', 'string'],
    ],
    ...[
      ['0x', 'string'],
      ['1e', 'string'],
      ['_1', 'string'],
      ['infinity', 'string'],
      ['v1', 'string'],
      ['+', 'string'],
    ],
  ])('%j is of kind %s', (text, kind) => {
    expect(resolvePlainScalar(text).kind).toBe(kind);
  });

  // Measured with strconv.FormatFloat(v, 'g', -1, 64) of Go.
  it.each([
    ['999999.5', '999999.5'],
    ['1000000.0', '1e+06'],
    ['123456789.0', '1.23456789e+08'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
    ['1e100', '1e+100'],
    ['-1.50', '-1.5'],
    ['-0.0', '-0'],
    ['.inf', '.inf'],
    ['-.INF', '-.inf'],
    ['.NaN', '.nan'],
    ['-0b101', '-5'],
    ['-0777', '-511'],
    ['18446744073709551615', '18446744073709551615'],
  ])('%s is printed as %s', (text, printed) => {
    expect(printScalar(resolvePlainScalar(text))).toBe(printed);
  });
});

it.each([600, 5000])('refuses lists within lists, %d deep, in the same words', depth => {
  expect(() => parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)).toThrow('YAML is nested too deeply');
});
