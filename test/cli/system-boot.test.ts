import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { SystemUsageError } from '../../src/cli/kiwi/usage.ts';
import { describeProgram } from '../../src/cli/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-system-boot-'));
const path = process.env.PATH ?? '';
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  process.env.PATH = path;
  vi.restoreAllMocks();
});

/** Programs that stand in for QEMU's: the machine says what it is told to, and ends. */
function pretend(says: string): string {
  const write = (name: string, script: string) => {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  };
  write('qemu-system-x86_64', `printf '${says}'`);
  write('qemu-img', 'case $1 in info) echo "{\\"format\\": \\"raw\\"}";; esac');
  process.env.PATH = `${directory}:${path}`;
  const disk = join(directory, 'disk.raw');
  writeFileSync(disk, 'a disk');
  return disk;
}

async function boot(...words: readonly string[]) {
  const printed = { out: '', err: '', failure: undefined as unknown };
  for (const [stream, name] of [
    [process.stdout, 'out'],
    [process.stderr, 'err'],
  ] as const) {
    vi.spyOn(stream, 'write').mockImplementation(text => {
      printed[name] += text;
      return true;
    });
  }
  try {
    await describeProgram('ashlar').parseAsync(['system', 'boot', '--firmware', 'bios', ...words], {
      from: 'user',
    });
  } catch (error) {
    printed.failure = error;
  } finally {
    vi.restoreAllMocks();
  }
  return printed;
}

describe('system boot', () => {
  it('prints the console, and says that the machine has come up', async () => {
    const { out, err, failure } = await boot(pretend('Linux version 6\\r\\nvm login: '));
    expect(failure).toBeUndefined();
    expect(out).toBe('Linux version 6\nvm login:\n');
    expect(err).toMatch(/^the machine said "login:" after [\d.]+ s \(BIOS, TCG\)\n$/);
  });

  it('fails when the text does not appear', async () => {
    const { out, failure } = await boot(pretend('nothing\\n'), '--expect', 'MARKER');
    expect(out).toBe('nothing\n');
    expect(failure).toMatchObject({
      message: 'the machine did not say "MARKER": the machine ended (BIOS, TCG)',
    });
  });

  it('prints the verdict as JSON, and the console elsewhere', async () => {
    const { out, err } = await boot(pretend('MARKER 1\\n'), '--expect', 'MARKER', '--json');
    expect(JSON.parse(out)).toMatchObject({
      passed: true,
      firmware: 'bios',
      accelerator: 'tcg',
      expected: 'MARKER',
      milestones: [],
      lastLines: ['MARKER 1'],
    });
    expect(err).toMatch(/^MARKER 1\n/);
  });

  it.each([
    ['--expect', ''],
    ['--timeout', '0'],
    ['--memory', '1MiB'],
  ])('refuses %s %j before anything starts', async (...flags) => {
    const { failure } = await boot(pretend(''), ...flags);
    expect(failure).toBeInstanceOf(SystemUsageError);
  });
});
