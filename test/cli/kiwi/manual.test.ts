import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';
import { imageTypes } from '../../../src/recipes/kiwi/schema/words.ts';
import { isTest, readManual, testsNamedIn } from '../../recipes/manual.ts';

const manual = readManual('kiwi.md');

/** The part of the manual below a heading. */
function section(heading: string): string {
  const [, after = ''] = manual.split(`\n## ${heading}\n`);
  return after.split('\n## ')[0] ?? '';
}

function sources(): string {
  const directory = fileURLToPath(new URL('../../../src', import.meta.url));
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const files = names.filter(name => name.endsWith('.ts'));
  return files.map(name => readFileSync(join(directory, name), 'utf8')).join('\n');
}

describe('the manual for users of KIWI', () => {
  it('names tests that there are, in its rows', () => {
    const tests = testsNamedIn(manual);
    expect(new Set(tests).size).toBeGreaterThan(30);
    expect(tests.filter(name => !isTest(name))).toEqual([]);
  });

  it('has every option of the commands', () => {
    const system = describeProgram('ashlar').commands.find(command => command.name() === 'system');
    const commands = system?.commands.filter(command => command.name() !== 'boot') ?? [];
    expect(commands.map(command => command.name())).toContain('stackbuild');
    const options = [...(system?.options ?? []), ...commands.flatMap(command => command.options)];
    const shown = options.filter(({ hidden }) => !hidden).map(({ long }) => long ?? '');
    expect([...new Set(shown)].filter(option => !manual.includes(option))).toEqual([]);
  });

  it('says of every type of image what becomes of it', () => {
    const told = section('Results') + section('What is refused');
    expect(imageTypes.filter(type => !told.includes(`\`${type}\``))).toEqual([]);
  });

  it('has the texts of errors as they are in the sources', () => {
    const rows = section('Error texts').split('\n');
    const texts = rows.flatMap(row =>
      row.startsWith('| `') ? (row.split(' | ')[0]?.match(/`[^`]+`/g) ?? []) : [],
    );
    expect(texts.length).toBeGreaterThan(15);
    const all = sources();
    const pieces = texts.flatMap(text => text.slice(1, -1).split(/<[a-z]+>|\[?…\]?/));
    const missing = pieces
      .map(piece => piece.trim())
      .filter(piece => piece.length > 3 && !all.includes(piece));
    expect(missing).toEqual([]);
  });
});
