import { describe, expect, it } from 'vitest';
import { image, module, overrides } from '../../../src/recipes/cekit/descriptor/vocabulary.ts';
import { examplesOf, isTest, readManual, testsNamedIn } from '../manual.ts';
import { describeFiles } from './load.ts';

const manual = readManual('cekit.md');
const builder = '{name: builder, version: 1, from: golang:1.7, packages: {install: [mercurial]}}';
const target = '{name: app, version: 1, from: builder}';

describe('the manual of CEKit descriptors', () => {
  it('has examples that are read without a warning', async () => {
    const [descriptor = '', override = '', ...others] = examplesOf(manual);
    expect(others).toEqual([]);
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const { target: app } = await describeFiles({ 'image.yaml': descriptor }, { warn });
    expect(app.image.artifacts).toMatchObject([{ dest: '/srv/', mode: 0o644 }]);
    const { builders } = await describeFiles(
      { 'image.yaml': `[${builder}, ${target}]`, 'o.yaml': override },
      { overrides: [{ kind: 'path', value: 'o.yaml' }], warn },
    );
    expect(builders).toMatchObject([{ from: { text: 'golang:1.23' }, image: { install: [] } }]);
    expect(warnings).toEqual([]);
  });

  it('has every key of descriptors, modules and overrides', () => {
    const keys = [image, module, overrides].flatMap(section => Object.keys(section.keys));
    expect(keys.filter(key => !new RegExp(`\`[^\`]*\\b${key}\\b[^\`]*\``).test(manual))).toEqual([]);
  });

  it('names tests that there are, in every row', () => {
    const tests = testsNamedIn(manual);
    expect(new Set(tests).size).toBeGreaterThan(50);
    expect(tests.filter(name => !isTest(name))).toEqual([]);
  });
});
