import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuildContext, ignoring } from '../../../src/recipes/dockerfile/context.ts';

describe('.dockerignore', () => {
  it.each([
    [['a'], 'a', true],
    [['a'], 'a/b', true],
    [['a'], 'b/a', false],
    [['a'], 'ab', false],
    [['/a/'], 'a', true],
    [['*.md'], 'x.md', true],
    [['*.md'], 'd/x.md', false],
    [['**/*.md'], 'x.md', true],
    [['**/*.md'], 'd/e/x.md', true],
    [['d/**'], 'd/e/x', true],
    [['*/x?'], 'd/x1', true],
    [['*/x?'], 'd/e/x1', false],
    [['[a-c]'], 'b', true],
    [['[^a-c]'], 'b', false],
    [['a', '!a/b'], 'a/b', false],
    [['!a', 'a'], 'a', true],
    [['# a', '', 'b.c'], 'bxc', false],
    [['a+(b)'], 'a+(b)', true],
  ])('%j: is %s ignored? %s', (lines, path, expected) => {
    expect(ignoring(lines)(path)).toBe(expected);
  });
});

describe('a build context', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-context-'));
    for (const path of ['a.txt', 'b.txt', 'src/a.md', 'src/deep/b.md', 'src/deep/c.js', 'lib/d.js']) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), 'x');
    }
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const nothing = () => false;
  const contextWith = (ignored: string) => {
    writeFileSync(join(directory, '.dockerignore'), ignored);
    return new BuildContext(directory, 'Dockerfile');
  };

  it('is taken whole when nothing is ignored', () => {
    expect(new BuildContext(directory, 'Dockerfile').cover('', nothing)).toBeUndefined();
    expect(contextWith('**/*.md').cover('lib', nothing)).toBeUndefined();
  });

  it('is covered by as few paths as possible', () => {
    expect(contextWith('src/deep/*.md\n.dockerignore').cover('', nothing)).toEqual([
      'a.txt',
      'b.txt',
      'lib',
      'src/a.md',
      'src/deep/c.js',
    ]);
  });

  it('has what an exception lets in', () => {
    expect(contextWith('*\n!src/deep').cover('', nothing)).toEqual(['src/deep']);
  });

  it('lists what a pattern matches, in order and without what is ignored', () => {
    expect(contextWith('b.txt').glob('*.txt')).toEqual(['a.txt']);
    expect(new BuildContext(directory, 'Dockerfile').glob('s*/[a-d]*/?.m?')).toEqual(['src/deep/b.md']);
  });

  it('is ruled by the file that has the name of the Dockerfile', () => {
    writeFileSync(join(directory, 'Other.dockerignore'), 'a.txt');
    contextWith('b.txt');
    expect(new BuildContext(directory, 'Other').glob('?.txt')).toEqual(['b.txt']);
  });
});
