import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';

/** What is thrown for a command line of CEKit. */
async function failure(words: readonly string[]): Promise<unknown> {
  try {
    await describeProgram('cekit').parseAsync(words, { from: 'user' });
  } catch (error) {
    return error;
  }
  throw new Error('it was understood');
}

describe("CEKit's command line", () => {
  let written: string;
  beforeEach(() => {
    written = '';
    for (const stream of [process.stdout, process.stderr]) {
      vi.spyOn(stream, 'write').mockImplementation(text => {
        written += text;
        return true;
      });
    }
  });
  afterEach(() => vi.restoreAllMocks());

  it.each([
    [['bild'], "unknown command 'bild'"],
    [['build', '--nope'], "unknown option '--nope'"],
    [['build', 'kaniko'], "'kaniko' is invalid for argument 'engine'"],
    [['build', '--container-file', 'File', 'podman'], "'File' is invalid"],
    [['build', '--overrides'], "option '--overrides <text>' argument missing"],
    [['cache', 'rm'], "missing required argument 'uuid'"],
    [['cache'], 'USAGE: cekit cache'],
    [[], 'USAGE: cekit'],
  ])('that says %j ends with 2', async (words, text) => {
    expect(await failure(words)).toMatchObject({ exitCode: 2 });
    expect(written).toContain(text);
  });

  it.each([
    [['build', 'podman', '--release'], '--release is for osbs'],
    [['build', '--sync-only'], '--sync-only is for osbs'],
    [['build', 'osbs', '--tag'], '--tag requires --release as scratch builds cannot be tagged'],
    [['build', 'osbs', '--no-squash'], '--no-squash is not for osbs'],
    [['build', 'buildah', '--tag'], '--tag needs a name'],
    [['build', 'docker', '--platform', 'amd64,arm64'], 'docker takes an image for one platform'],
    [['cache', 'add', 'x'], 'At least one checksum must be provided'],
    [['cache', 'add', 'x', '--md5', 'abc'], '--md5 takes 32 hexadecimal digits'],
  ])('that makes no sense as %j does ends with 2, too', async (words, message) => {
    expect(await failure(words)).toMatchObject({ message: expect.stringContaining(message), status: 2 });
  });

  it('shows help and version, which is no failure', async () => {
    expect(await failure(['build', '--help'])).toMatchObject({ exitCode: 0 });
    expect(await failure(['--version'])).toMatchObject({ exitCode: 0 });
    expect(written).toMatch(/OPTIONS FOR OSBS:.*\n\d+\.\d+\.\d+\n$/s);
  });
});
