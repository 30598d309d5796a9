import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openResults, Results } from '../../../src/engine/outputs/results.ts';
import type { Output } from '../../../src/plan/outputs.ts';
import { imagePlan } from '../../e2e/plans.ts';

let directory = '';
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'ashlar-results-')), 'results');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

describe('results', () => {
  it('appear together, below their directories', () => {
    {
      using results = new Results(directory);
      writeFileSync(results.pathFor('a'), 'a');
      mkdirSync(results.pathFor('build/root'));
      expect(readdirSync(directory)).toEqual(['.ashlar']);
      results.publish();
    }
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual(['a', 'build', 'build/root']);
  });

  it('do not appear when they are not published', () => {
    {
      using results = new Results(directory);
      writeFileSync(results.pathFor('a'), 'a');
    }
    expect(existsSync(directory)).toBe(false);
    mkdirSync(directory);
    new Results(directory)[Symbol.dispose]();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('replace files and directories of former runs, but no directory by a file', () => {
    mkdirSync(join(directory, 'tree/old'), { recursive: true });
    mkdirSync(join(directory, 'directory'));
    writeFileSync(join(directory, 'file'), 'old');
    {
      using results = new Results(directory);
      writeFileSync(results.pathFor('file'), 'new');
      mkdirSync(results.pathFor('tree'));
      results.publish();
    }
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('new');
    expect(readdirSync(join(directory, 'tree'))).toEqual([]);
    {
      using results = new Results(directory);
      writeFileSync(results.pathFor('file'), 'newer');
      writeFileSync(results.pathFor('directory'), '');
      expect(() => results.publish()).toThrow('directory is a directory, and a result has that name');
    }
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('new');
    expect(readdirSync(directory).sort()).toEqual(['directory', 'file', 'tree']);
  });

  it('of a run that was killed go with the next one; those of one that works stay', () => {
    const work = join(directory, '.ashlar');
    mkdirSync(join(work, 'killed'), { recursive: true });
    writeFileSync(join(work, 'killed.lock'), '');
    writeFileSync(join(work, 'killed/a'), 'half');
    using running = new Results(directory);
    const path = running.pathFor('a');
    writeFileSync(path, 'a');
    {
      using _another = new Results(directory);
      expect(existsSync(join(work, 'killed'))).toBe(false);
      expect(existsSync(join(work, 'killed.lock'))).toBe(false);
    }
    expect(readFileSync(path, 'utf8')).toBe('a');
  });
});

describe('the names of results', () => {
  const at = { file: 'x', line: 1, column: 1 };
  const plan = (...files: readonly string[]) => {
    const outputs = files.map((file): Output => ({ kind: 'archive', format: 'tar', file, role: '', at }));
    return { images: [imagePlan('a', undefined, { outputs })] };
  };

  it.each(['', '/a', '../a', 'a/../../b', './a', 'a//b', 'a/', '.ashlar/a', '..'])('are not %j', file => {
    expect(() => openResults(plan(file), directory)).toThrow('cannot be the name of a result');
  });

  it('are not given twice', () => {
    expect(() => openResults(plan('a', 'a'), directory)).toThrow('two results are to have the name a');
  });

  it('are not below what is no directory, before anything is made', () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'd'), '');
    for (const file of ['d/x', 'd/e/x'])
      expect(() => openResults(plan(file), directory)).toThrow(
        expect.objectContaining({
          message: `${directory}/d is no directory, and the result ${file} is to be in it`,
          hint: expect.stringContaining('remove it'),
        }),
      );
    expect(readdirSync(directory)).toEqual(['d']);
    expect(() => openResults(plan('a/b', 'a/b/c'), directory)).toThrow(
      'the result a/b/c cannot be in the result a/b',
    );
    using results = new Results(directory);
    writeFileSync(results.pathFor('d/x'), '');
    expect(() => results.publish()).toThrow('d is no directory, and the result d/x is to be in it');
  });

  it('ask for a directory where there are any', () => {
    expect(() => openResults(plan('a'), undefined)).toThrow('there is no directory');
    expect(openResults(plan(), undefined)).toBeUndefined();
    expect(existsSync(directory)).toBe(false);
  });
});
