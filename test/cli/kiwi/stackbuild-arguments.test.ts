import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';
import { AshlarError } from '../../../src/support/errors.ts';

const config = `<image schemaversion="8.0" name="Tiny">
  <description type="system"><author>A</author><specification>S</specification></description>
  <preferences><version>1</version><packagemanager>apt</packagemanager><type image="tbz"/><type image="cpio"/></preferences>
</image>
`;

interface Wrong {
  readonly message: string;
  /** 1 where the words are in order. */
  readonly status: number;
}

/** What is said against words, in a directory with the description `new`. Nothing may have been made. */
async function wrong(...words: readonly string[]): Promise<Wrong> {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-arguments-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'new'));
  writeFileSync(join(directory, 'new/config.xml'), config);
  const placed = words.map(word => word.replace('@', directory));
  const given = ['--store', join(directory, 'store'), '--quiet', ...placed];
  try {
    const program = describeProgram('ashlar');
    for (const command of [program, ...program.commands.flatMap(one => [one, ...one.commands])])
      command.configureOutput({ writeErr: () => {} });
    await program.parseAsync(given, { from: 'user' });
  } catch (error) {
    expect(existsSync(join(directory, 'target'))).toBe(false);
    if (error instanceof AshlarError)
      return { message: error.message, status: 'status' in error ? Number(error.status) : 1 };
    if (error instanceof Error && 'exitCode' in error)
      return { message: error.message, status: Number(error.exitCode) };
    throw error;
  }
  throw new Error('nothing is wrong');
}

const stackbuild = ['system', 'stackbuild', '--target-dir', '@/target'];
const onX = [...stackbuild, '--stash', 'x'];
const described = [...onX, '--description', '@/new'];

describe('wrong words for stackbuild', () => {
  it.each([
    [[...stackbuild, '--description', '@/new'], '--stash is missing'],
    [['system', 'stackbuild', '--stash', 'x'], '--target-dir is missing'],
    [[...described, '--', '--add-pakage', 'y'], "unknown option '--add-pakage'"],
    [[...described, 'kiwi', '--add-pakage', 'y'], "unknown option '--add-pakage'"],
    [[...described, 'stray'], 'unexpected word: stray'],
    [[...described, '--json'], '--json goes with --dry-run'],
    [[...onX, '--', '--add-package', 'y'], "unknown option '--add-package'"],
    [[...described, '--', '--add-repo', ','], '--add-repo: not a repository'],
    [
      [...described, '--', '--add-repo-credentials', 'a:b'],
      'there are more --add-repo-credentials than --add-repo',
    ],
    [
      [...described, '--', '--set-repo', '/r', '--set-repo-credentials', 'secret'],
      '--set-repo-credentials takes user:pass',
    ],
    [[...described, '--', '--set-type-attr', 'x'], '--set-type-attr takes NAME=VALUE: x'],
    [[...described, '--', '--signing-key', '@/none'], '--signing-key: there is no file'],
    [[...described, '--', '--ca-target-distribution', 'beos'], "argument 'beos' is invalid"],
    [[...described, '--setenv', '1=2'], '--setenv takes NAME=VALUE: 1=2'],
    [[...described, '--loglevel', 'loud'], '--loglevel takes a number: loud'],
    [[...described, '--stahs', 'y'], "unknown option '--stahs'"],
  ])('are told from what went wrong: %j', async (words, message) => {
    const { message: said, status } = await wrong(...words);
    expect(said).toContain(message);
    expect(said).not.toContain('secret');
    expect(status).toBe(2);
  });

  it.each([
    [onX, 'stash not found: x'],
    [['system', 'build', '--description', '@/new', '--target-dir', '@/new/config.xml'], 'is no directory'],
    [
      ['system', 'create', '--root', '@/none', '--target-dir', '@/new/config.xml/below'],
      'new/config.xml is no directory',
    ],
    [['system', 'create', '--root', '@/none', '--target-dir', '@/target'], 'there is no'],
    [
      ['system', 'create', '--root', '@', '--target-dir', '@/target'],
      'no XML description found in /image of',
    ],
    [described, 'stash not found: x'],
    [[...onX, '--description', '@/none'], 'no XML description found'],
    [[...described, '--type', 'oem'], "Build type 'oem' not found for applied profiles: []"],
    [['--type', 'oem', ...described], "Build type 'oem' not found for applied profiles: []"],
    [[...described, '--profile', 'p'], 'profile p not found for host arch'],
    [
      ['--profile', 'p', 'system', '--profile', 'q', ...described.slice(1)],
      'profile p not found for host arch',
    ],
    [[...described, '--', '--set-type-attr', 'imag=x'], 'Failed to validate schema and/or schematron rules.'],
    [
      [...described, 'kiwi', '--set-type-attr', 'image=iso'],
      '<type image="iso">: ashlar does not build this type',
    ],
    [[...described, '--', '--add-package', 'y'], 'No repositories configured'],
  ])('are enough to find what cannot be built: %j', async (words, message) => {
    const { message: said, status } = await wrong(...words);
    expect(said).toContain(message);
    expect(status).toBe(1);
  });

  it('of KIWI stand before system only', async () => {
    expect(await wrong('--profile', 'a', 'inspect')).toEqual({
      message: '--profile is for the commands of system',
      status: 2,
    });
  });
});
