import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kconfig } from '../../../../src/recipes/kiwi/plan/kconfig.ts';
import { has } from '../../../support/tools.ts';

interface Shell {
  readonly name: string;
  readonly program: string;
  readonly words: readonly string[];
}

const shells: readonly Shell[] = [
  { name: 'sh', program: 'sh', words: [] },
  { name: 'bash', program: 'bash', words: ['--norc'] },
  { name: 'busybox', program: 'busybox', words: ['sh'] },
];

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-kconfig-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'kconfig'), kconfig);
  return directory;
}

/** Runs a script that has read the functions. @param tools Shell functions that stand for programs of the tree. */
function run(
  { program, words }: Shell,
  script: string,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
) {
  const text = `set -e\n. ./kconfig\n${script}\n`;
  const { status, stdout, stderr } = spawnSync(program, [...words, '-c', text], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe.each(shells.filter(({ program }) => has(program)))('functions for scripts in $name', shell => {
  it('set a variable of a file and leave the rest as it is', () => {
    const cwd = place();
    const file = join(cwd, 'clock');
    writeFileSync(file, '# a comment\nZONE="old"\nZONES="x"\nZONE=twice\n');
    expect(
      run(shell, 'baseUpdateSysConfig clock ZONE Europe/Berlin\nbaseUpdateSysConfig clock NEW "a b"', cwd),
    ).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(file, 'utf8')).toBe('# a comment\nZONE="Europe/Berlin"\nZONES="x"\nNEW="a b"\n');
  });

  it('set values that a shell reads back as they were', () => {
    const cwd = place();
    const value = fc.string({ unit: fc.constantFrom(...'aZ 0$`"\\\'&/;*?[]{}()<>|~#%=+,.:é') });
    fc.assert(
      fc.property(value, text => {
        writeFileSync(join(cwd, 'file'), 'OTHER=1\n');
        const script = 'baseUpdateSysConfig file NAME "$VALUE"\n. ./file\nprintf %s "$NAME"';
        expect(run(shell, script, cwd, { VALUE: text })).toEqual({ status: 0, stdout: text, stderr: '' });
      }),
      { numRuns: 5 },
    );
  });

  it('fail for a file that is not there', () => {
    expect(run(shell, 'baseUpdateSysConfig none A b', place())).toEqual({
      status: 1,
      stdout: '',
      stderr: 'baseUpdateSysConfig: none: no such file\n',
    });
  });

  it('say of a function that is not provided that it is not, and fail', () => {
    const ended = run(shell, 'suseImportBuildKey\necho not reached', place());
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toBe(
      'suseImportBuildKey: this function is not provided: write what it should do into the script\n',
    );
  });

  it('speak, and only where asked when they debug', () => {
    const cwd = place();
    expect(run(shell, 'Echo "a  b"; Debug hidden', cwd)).toEqual({ status: 0, stdout: 'a  b\n', stderr: '' });
    expect(run(shell, 'Debug shown', cwd, { DEBUG: '1' }).stderr).toBe('+++++> shown\n');
  });

  it('keep what is named and remove the other paths that they read', () => {
    const cwd = place();
    for (const name of ['a/keep', 'a/go', 'b/keep too']) mkdirSync(join(cwd, name), { recursive: true });
    run(shell, 'find a b -mindepth 1 | baseStripAndKeep keep "keep too"', cwd);
    expect(['a/keep', 'a/go', 'b/keep too'].map(name => existsSync(join(cwd, name)))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('hand services over to systemctl, and only those that are there', () => {
    const cwd = place();
    const script = `
      _systemdDirectories="$PWD/units"
      systemctl() { echo "systemctl $*"; }
      baseInsertService there
      baseService there off
      suseInsertService getty@tty1
      baseSystemdCall there enable --now
      baseSystemdCall absent enable
      baseSystemdServiceInstalled absent || echo absent
      baseInsertService absent
    `;
    mkdirSync(join(cwd, 'units'));
    for (const name of ['there.service', 'getty@.service']) writeFileSync(join(cwd, 'units', name), '');
    expect(run(shell, script, cwd)).toEqual({
      status: 1,
      stdout:
        'systemctl enable there\nsystemctl disable there\nsystemctl enable getty@tty1\nsystemctl enable --now there\nabsent\n',
      stderr: 'service absent not found, "systemctl enable" is left out\nservice absent not found\n',
    });
  });
});
