import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeImages, type Override, renderDockerfile } from '../../../src/recipes/cekit/index.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { statementsIn } from './dockerfile/statement-lines.ts';
import { optionsIn } from './load.ts';
import { type Difference, differences } from './probe-differences.ts';

/**
 * What CEKit 4.17 made of descriptors: `input`, the arguments that it was called with, and the file that it printed or
 * its error.
 */
const probes = join(import.meta.dirname, 'probes');
const names = readdirSync(probes);

function argumentsOf(name: string) {
  const line = readFileSync(join(probes, name, 'arguments.txt'), 'utf8');
  const flags = line.matchAll(/--overrides(-file)? (\{.*?\}(?= --| \w+$)|\S+)/gm);
  const overrides = [...flags].map(
    ([, file, value = '']): Override => ({ kind: file === undefined ? 'text-or-path' : 'path', value }),
  );
  return {
    overrides,
    redhat: line.includes('--redhat'),
    layers: line.includes('--no-squash') ? 'statements' : 'one',
    osbs: line.trimEnd().endsWith('osbs'),
  } as const;
}

async function print(name: string): Promise<readonly string[]> {
  const { osbs, ...flags } = argumentsOf(name);
  const options = optionsIn(join(probes, name, 'input'), flags);
  return statementsIn(renderDockerfile(await describeImages(options), { ...options, osbs })).map(
    withoutVersion,
  );
}

const withoutVersion = (statement: string): string =>
  statement.replace(/io\.cekit\.version="[^"]*"/, 'io.cekit.version=""');

function recorded(name: string, file: string): string | undefined {
  const path = join(probes, name, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

describe('a recorded behaviour of CEKit', () => {
  it.each(names)('%s is ours, or listed as different', async name => {
    const difference: Partial<Difference> = differences[name] ?? {};
    const { statements = {} } = difference;
    const recordedText = recorded(name, 'Containerfile') ?? recorded(name, 'Dockerfile');
    const text = difference.error === undefined ? (difference.dockerfile ?? recordedText) : undefined;
    if (text === undefined) {
      const thrown = await print(name).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(AshlarError);
      const message = difference.error ?? recorded(name, 'error.txt')?.trim();
      expect(thrown).toHaveProperty('message', expect.stringContaining(message ?? 'a message'));
      return;
    }
    const expected = statementsIn(text).map(withoutVersion);
    expect(expected).toEqual(expect.arrayContaining(Object.keys(statements)));
    expect(await print(name)).toEqual(expected.flatMap(statement => statements[statement] ?? [statement]));
  });

  it('is there for every difference', () => {
    expect(Object.keys(differences).filter(name => !names.includes(name))).toEqual([]);
  });
});
