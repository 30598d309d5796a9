import { describe, expect, it } from 'vitest';
import { examplesOf, isTest, readManual, testsNamedIn } from '../manual.ts';
import { layer, load } from './load.ts';

const manual = readManual('stacker.md');

describe('the manual', () => {
  it.each(examplesOf(manual))('has examples that load without a warning: %j', async text => {
    const files = { 'app/stacker.yaml': text, 'base/stacker.yaml': layer('').replace(/^l:/, 'base:') };
    const { plan, warnings } = await load(files, { files: ['app/stacker.yaml'] });
    expect(warnings).toEqual([]);
    expect(plan.images).toHaveLength(2);
  });

  it('names tests that there are, in every row', () => {
    const tests = testsNamedIn(manual);
    expect(new Set(tests).size).toBeGreaterThan(50);
    expect(tests.filter(name => !isTest(name))).toEqual([]);
  });
});
