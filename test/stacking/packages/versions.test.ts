import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, type PackageManager } from '../../../src/stacking/packages/versions.ts';
import { has } from '../../support/tools.ts';

type Pair = readonly [string, string];

/** Texts that begin with a digit and go on with what versions are made of. */
function labels(...characters: readonly string[]): fc.Arbitrary<string> {
  const rest = fc.array(
    fc.constantFrom('0', '1', '2', '10', '01', 'a', 'b', 'rc', 'A', '.', '..', ...characters),
    {
      maxLength: 7,
    },
  );
  return fc.tuple(fc.constantFrom('0', '1', '2', '10'), rest).map(([first, more]) => first + more.join(''));
}

/** `[epoch:]version[-release]`. */
function versions(label: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom('', '0:', '1:', '10:'), label, fc.option(label, { nil: undefined }))
    .map(([epoch, version, release]) => `${epoch}${version}${release === undefined ? '' : `-${release}`}`);
}

function pairsOf(version: fc.Arbitrary<string>, count: number): readonly Pair[] {
  return fc.sample(fc.tuple(version, version), count);
}

function relations(manager: PackageManager, pairs: readonly Pair[]): readonly string[] {
  return pairs.map(([a, b]) => relation(a, b, compareVersions(manager, a, b)));
}

function relation(a: string, b: string, order: number): string {
  return `${a} ${order < 0 ? '<' : order > 0 ? '>' : '='} ${b}`;
}

describe('comparing versions', () => {
  it.skipIf(!has('rpm'))('agrees with rpm', () => {
    const pairs = pairsOf(versions(labels('~', '^', '_', '+')), 3000);
    const script =
      'for line in io.lines() do local a, b = line:match("^(.*) (.*)$") print(rpm.vercmp(a, b).."\\n") end';
    const answers = execFileSync('rpm', ['--eval', `%{lua: ${script}}`], {
      input: pairs.map(pair => `${pair.join(' ')}\n`).join(''),
      encoding: 'utf8',
    });
    const orders = answers.trim().split('\n').map(Number);
    expect(relations('rpm', pairs)).toEqual(
      pairs.map(([a, b], i) => relation(a, b, orders[i] ?? Number.NaN)),
    );
  });

  it.skipIf(!has('dpkg'))('agrees with dpkg', () => {
    const pairs = pairsOf(versions(labels('~', '+', '-1')), 250);
    const is = (operator: string) => `dpkg --compare-versions $a ${operator} $b`;
    const script = `while read a b; do if ${is('lt')}; then echo -1; elif ${is('gt')}; then echo 1; else echo 0; fi; done`;
    const answers = execFileSync('sh', ['-c', script], {
      input: pairs.map(pair => `${pair.join(' ')}\n`).join(''),
      encoding: 'utf8',
    });
    const orders = answers.trim().split('\n').map(Number);
    expect(relations('dpkg', pairs)).toEqual(
      pairs.map(([a, b], i) => relation(a, b, orders[i] ?? Number.NaN)),
    );
  });

  it.each([
    // apk-package(5): the order of the suffixes, and none between them.
    ...ascending(
      '1_alpha',
      '1_alpha2',
      '1_beta',
      '1_pre',
      '1_rc',
      '1',
      '1_cvs',
      '1_svn',
      '1_git',
      '1_hg',
      '1_p',
      '1_p2',
    ),
    ...ascending('1_alpha_pre2', '1_alpha', '1_alpha-r1'),
    ...ascending('1.2', '1.2-r1', '1.2-r2', '1.2-r10', '1.2_p1', '1.2a', '1.2b-r1', '1.2.0', '1.2.1', '1.10'),
    ...ascending('1.00', '1.02', '1.02.1', '1.03', '1.1', '1.2'),
    ...ascending('9', '010', '11', '20191002222144', '20191002222145'),
    ['1.0-r0', '=', '1.0-r0'],
  ])('finds that for apk %s %s %s', (a, sign, b) => {
    expect(relations('apk', [[a, b]])).toEqual([`${a} ${sign} ${b}`]);
  });

  it.each([
    // vercmp(8)
    ...ascending('1.0a', '1.0b', '1.0beta', '1.0p', '1.0pre', '1.0rc', '1.0', '1.0.a', '1.0.1'),
    ...ascending('1', '1.0', '1.1', '1.1.1', '1.2', '2.0', '3.0.0'),
    ...ascending('3.0-1', '3.0-2', '1:0.1-1', '2:0.0-1'),
    ['1.5', '=', '1.5-1'],
    ['1..5', '>', '1.9'],
    ['01', '=', '1'],
  ])('finds that for pacman %s %s %s', (a, sign, b) => {
    expect(relations('pacman', [[a, b]])).toEqual([`${a} ${sign} ${b}`]);
  });

  it.each<PackageManager>(['dpkg', 'rpm', 'apk', 'pacman'])(
    'is the other way round with sides changed (%s)',
    manager => {
      const version = versions(labels('~', '^', '_p', '_rc', '-r1', '+'));
      fc.assert(
        fc.property(version, version, (a, b) => {
          expect(Math.sign(compareVersions(manager, a, b))).toBe(
            -Math.sign(compareVersions(manager, b, a)) + 0,
          );
          expect(compareVersions(manager, a, a)).toBe(0);
        }),
      );
    },
  );
});

/** Each one and the next one. */
function ascending(...list: readonly string[]): readonly [string, string, string][] {
  return list.slice(1).map((later, i) => [list[i] ?? '', '<', later]);
}
