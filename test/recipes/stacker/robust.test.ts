import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseStackerFile } from '../../../src/recipes/stacker/file.ts';
import { readLayer } from '../../../src/recipes/stacker/layer.ts';
import { addFileOrder, buildOrder, checkBoundSources } from '../../../src/recipes/stacker/order.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { sourceText } from '../../../src/support/source-text.ts';
import { testOptions } from './load.ts';

/** All of loading but the reading of files. Returns what was made, or the user's error. */
function plan(text: string): unknown {
  const options = testOptions();
  try {
    const file = parseStackerFile(
      sourceText('/d/stacker.yaml', text),
      { typed: 'stacker.yaml' },
      [],
      options,
    );
    const images = file.layers.map(layer => readLayer(layer, file, {}, options));
    checkBoundSources(images);
    return addFileOrder(buildOrder(images, new Set(), new Map(), options), options.ociDir);
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
}

const words = [
  ...[
    'from',
    'type',
    'url',
    'tag',
    'insecure',
    'docker',
    'oci',
    'tar',
    'scratch',
    'built',
    'stack',
    'layers',
  ],
  ...[
    'import',
    'imports',
    'path',
    'hash',
    'dest',
    'mode',
    'uid',
    'gid',
    'overlay_dirs',
    'source',
    'run',
    'cmd',
  ],
  ...['entrypoint', 'full_command', 'environment', 'labels', 'volumes', 'working_dir', 'user', 'annotations'],
  ...[
    'build_env',
    'build_env_passthrough',
    'build_only',
    'binds',
    'os',
    'arch',
    'bom',
    'config',
    'prerequisites',
  ],
  ...[
    'docker://a',
    'oci:a:b',
    'stacker://l/a',
    'http://h/a',
    '/a',
    'a -> b',
    '.*',
    '(',
    '__proto__',
    'constructor',
  ],
  ...['l', '', ' ', '<<', 'y', '0755', '1.5', '-1', 'null', '\0', '"', '\n'],
];
const scalar = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(true, false, null, 0, -1, 0o755, 1.5, 1e300),
);
const key = fc.constantFrom(...words);
const { value } = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));

describe('loading', () => {
  it('answers every text with a plan or an error of its own', () => {
    const bits = fc.constantFrom(
      ...words.map(word => `${word}: `),
      ...[
        '- ',
        '\n',
        '  ',
        '\t',
        '{',
        '}',
        '[',
        ']',
        ', ',
        '&a ',
        '*a ',
        '<<: *a',
        '? ',
        ': ',
        '| ',
        '> ',
        '!!int ',
      ],
      ...['%', '---', '...', '#', "'", '"', '${{', '}}', '$A', '\r', '\ufeff', '🎉'],
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(bits, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 40 }),
        parts => {
          plan(parts.join(''));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('answers every shape of a layer with a plan or an error of its own', () => {
    const layer = fc
      .dictionary(key, value, { maxKeys: 3 })
      .map(layer => ({ from: { type: 'scratch' }, ...layer }));
    const file = fc.oneof(fc.dictionary(key, fc.oneof(layer, value), { maxKeys: 4 }), value);
    fc.assert(
      fc.property(file, file => {
        plan(stringify(file, { version: '1.1' }));
      }),
      { numRuns: 3000 },
    );
  });

  it('reports every error of a text at a place that is in it', () => {
    const layer = fc.dictionary(key, value, { maxKeys: 3 });
    fc.assert(
      fc.property(fc.dictionary(key, layer, { minKeys: 1, maxKeys: 3 }), file => {
        const text = stringify(file, { version: '1.1' });
        const result = plan(text);
        if (!(result instanceof AshlarError)) return;
        const { line = 0, column = 0 } = result.at ?? {};
        expect(text.split('\n').at(line - 1)?.length ?? -1).toBeGreaterThanOrEqual(column - 1);
        expect(line).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('stops at aliases that would fill the memory, or contain themselves', () => {
    const bomb = [
      'a0: &a0 x',
      ...Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
    ];
    expect(String((plan(bomb.join('\n')) as AshlarError).cause)).toMatch(
      /more than 1000000 values once its aliases/,
    );
    expect(String((plan('a: &a [*a]') as AshlarError).cause)).toMatch(/anchor "a" contains itself/);
    expect(String((plan('a: *b') as AshlarError).cause)).toMatch(/unknown anchor "b"/);
  });

  it.each(['[', '{a: ', '- ', '? '])('stops at %j nested too deeply', opening => {
    const result = plan(`l: ${opening.repeat(100_000)}`);
    expect(result).toBeInstanceOf(AshlarError);
  });
});
