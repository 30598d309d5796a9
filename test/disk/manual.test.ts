import { describe, expect, it } from 'vitest';
import { describeProgram } from '../../src/cli/program.ts';
import { diskKeys, fileSystemKeys, outputWords } from '../../src/recipes/output-words.ts';
import { installationOf } from '../../src/support/programs.ts';
import { examplesOf, isTest, readManual, testsNamedIn } from '../recipes/manual.ts';
import { load } from '../recipes/stacker/load.ts';

const manual = readManual('disks.md');

describe('the manual of disks', () => {
  it('names tests that there are, in its rows', () => {
    const tests = testsNamedIn(manual);
    expect(new Set(tests).size).toBeGreaterThan(15);
    expect(tests.filter(name => !isTest(name))).toEqual([]);
  });

  it('has every option of what makes and starts disks', () => {
    const program = describeProgram('ashlar');
    const system = program.commands.find(command => command.name() === 'system');
    const named = [
      ...program.commands.filter(command => command.name() === 'disk'),
      ...(system?.commands.filter(command => command.name() === 'boot') ?? []),
    ];
    expect(named).toHaveLength(2);
    const options = named.flatMap(command => command.options.filter(({ hidden }) => !hidden));
    const missing = options.map(({ long }) => long ?? '').filter(option => !manual.includes(option));
    expect(missing).toEqual([]);
  });

  it('has every output and setting of descriptions, and an example that is read without a warning', async () => {
    const words = [outputWords, diskKeys, fileSystemKeys].flatMap(known => Object.keys(known));
    expect(words.filter(word => !manual.includes(`\`${word}\``))).toEqual([]);
    const [example = '', ...others] = examplesOf(manual);
    expect(others).toEqual([]);
    const { plan, warnings } = await load(example);
    expect(warnings).toEqual([]);
    expect(plan.images[0]?.outputs?.map(({ file }) => file)).toEqual(['machine.raw', 'machine.squashfs']);
  });

  it('names the packages of programs as errors do', () => {
    const rows = manual.split('\n').map(row => row.split('|').map(cell => cell.trim().replaceAll('`', '')));
    const programs = rows.flatMap(([, , program = '', debian, fedora, opensuse]) => {
      const said = installationOf(program);
      return said === undefined ? [] : [{ said, debian, fedora, opensuse }];
    });
    expect(programs.length).toBeGreaterThan(8);
    for (const { said, debian, fedora, opensuse } of programs)
      expect(`apt install ${debian} | dnf install ${fedora} | zypper install ${opensuse}`).toBe(said);
  });
});
