import { describe, expect, it } from 'vitest';
import { renderDockerfile } from '../../../../src/recipes/cekit/index.ts';
import { describeFiles } from '../load.ts';
import { cases } from './cases/index.ts';
import { bareLines } from './statement-lines.ts';

describe('a Dockerfile of a descriptor', () => {
  it.each(cases)('has $name', async ({ files, flags: { osbs = false, ...flags } = {}, dockerfile }) => {
    const description = await describeFiles(files, flags);
    const options = { version: '0.0.0', layers: 'one', literalValues: false, ...flags, osbs } as const;
    expect(bareLines(renderDockerfile(description, options))).toBe(dockerfile);
  });
});
