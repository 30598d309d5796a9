import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { AshlarError } from '../../../src/support/errors.ts';
import { key, planText, stackerFiles, value, words } from './generate.ts';
import { loadLayer } from './load.ts';

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
          planText(parts.join(''));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('answers every shape of a layer with a plan or an error of its own', () => {
    fc.assert(
      fc.property(stackerFiles, file => {
        planText(stringify(file, { version: '1.1' }));
      }),
      { numRuns: 3000 },
    );
  });

  it('reports every error of a text at a place that is in it', () => {
    const layer = fc.dictionary(key, value, { maxKeys: 3 });
    fc.assert(
      fc.property(fc.dictionary(key, layer, { minKeys: 1, maxKeys: 3 }), file => {
        const text = stringify(file, { version: '1.1' });
        const result = planText(text);
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
    expect(String((planText(bomb.join('\n')) as AshlarError).cause)).toMatch(
      /more than 1000000 values once its aliases/,
    );
    expect(String((planText('a: &a [*a]') as AshlarError).cause)).toMatch(/anchor "a" contains itself/);
    expect(String((planText('a: *b') as AshlarError).cause)).toMatch(/unknown anchor "b"/);
  });

  it.each(['[', '{a: ', '- ', '? '])('stops at %j nested too deeply', opening => {
    const result = planText(`l: ${opening.repeat(100_000)}`);
    expect(result).toBeInstanceOf(AshlarError);
  });
});

describe('a bind', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9./_-]{1,8}$/).filter(word => word !== '->');
  const space = fc.constantFrom(' ', '  ', ' \t ');

  it('is read from any two words with an arrow between them', async () => {
    await fc.assert(
      fc.asyncProperty(word, word, space, space, async (source, dest, before, after) => {
        const bind = JSON.stringify(`${before}${source}${before}->${after}${dest}${after}`);
        const { shell } = await loadLayer(`binds: [${bind}]`);
        expect(shell.binds).toMatchObject([
          { source: resolve('/cwd/sub', source), target: resolve('/cwd/sub', dest) },
        ]);
      }),
      { numRuns: 100 },
    );
  });
});
