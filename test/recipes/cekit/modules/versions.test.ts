import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, followsPep440 } from '../../../../src/recipes/cekit/modules/versions.ts';

/** What may follow a release, the oldest first, each in several spellings that mean the same. */
const suffixes = [
  ['.dev0', 'dev', '-DEV_0'],
  ['.dev9', '_dev.9', 'dev09'],
  ['.dev10'],
  ['a0.dev1', '.alpha-dev1'],
  ['a0', 'alpha', '-a', '_Alpha.0'],
  ['a0+x', 'a+X'],
  ['a0.post0.dev3', 'a0-0.dev3'],
  ['a0.post0', 'a.post', 'a0-0', 'a.r'],
  ['a2', '.alpha.2'],
  ['a10'],
  ['b1', 'beta1', '-beta-1'],
  ['rc1.dev2', 'c1dev2'],
  ['rc1', 'c1', 'pre1', '.preview_01'],
  [''],
  ['+abc', '+ABC'],
  ['+abc.1', '+abc-1', '+abc_01'],
  ['+jboss'],
  ['+jboss1'],
  ['+1', '+01'],
  ['+1.a'],
  ['+1.1'],
  ['+10'],
  ['.post0.dev1', '-0.dev1', 'post.dev1'],
  ['.post0', '-0', 'rev', '_r0', '.POST'],
  ['.post2', '-2'],
  ['.post10'],
] as const;

const releases = [
  ['0'],
  ['0.0.1'],
  ['0.1', '00.01'],
  ['1', '1.0', '1.0.0'],
  ['1.0.1'],
  ['1.9'],
  ['1.10', '1.10.0'],
  ['2'],
];
const epochs = [['', '0!'], ['1!', '01!'], ['10!']];

describe('versions', () => {
  it('come in the order of PEP 440, whatever their spelling', () => {
    const rung = <T>(ladder: readonly (readonly T[])[]) =>
      fc
        .nat({ max: ladder.length - 1 })
        .chain(rank => fc.constantFrom(...(ladder[rank] ?? [])).map(text => ({ rank, text })));
    const version = fc
      .tuple(fc.constantFrom('', 'v', ' V'), rung(epochs), rung(releases), rung<string>(suffixes))
      .map(([prefix, epoch, release, suffix]) => ({
        text: `${prefix}${epoch.text}${release.text}${suffix.text}`,
        rank: (epoch.rank * releases.length + release.rank) * suffixes.length + suffix.rank,
      }));
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(followsPep440(a.text)).toBe(true);
        expect(Math.sign(compareVersions(a.text, b.text)), `${a.text} and ${b.text}`).toBe(
          Math.sign(a.rank - b.rank),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '',
    'custom-9',
    '1.x',
    '1..2',
    '1.0+',
    '1.0+a+b',
    '1!',
    'v',
    '1.0-foo',
    '1.0 2',
    '1.0a1b2',
    '１.0',
  ])('do not count where PEP 440 does not know them: %j', text => {
    expect(followsPep440(text)).toBe(false);
    expect(compareVersions(text, '0.dev0')).toBe(-1);
    expect(compareVersions('0.dev0', text)).toBe(1);
  });

  it('without meaning come in the order of their characters', () => {
    expect(['x-foo', 'zoo', 'foo', '1.x', '0.1'].sort(compareVersions)).toEqual([
      '1.x',
      'foo',
      'x-foo',
      'zoo',
      '0.1',
    ]);
  });

  it('have numbers of any length', () => {
    const nines = '9'.repeat(400);
    expect(compareVersions(`1.${nines}`, `1.1${nines}`)).toBeLessThan(0);
    expect(compareVersions(`1.${nines}8`, `1.${nines}7`)).toBeGreaterThan(0);
    expect(compareVersions(`1.${'0'.repeat(400)}3`, '1.3')).toBe(0);
  });
});
