import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { describeProgram } from '../../src/cli/program.ts';
import { AshlarErrors } from '../../src/support/errors.ts';

const descriptions = fileURLToPath(new URL('../recipes/kiwi/descriptions', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'ashlar-system-info-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** What a command of `system` prints, and what it says beside that. */
async function system(...words: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
  const printed = { out: '', err: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed.out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    printed.err += text;
    return true;
  });
  try {
    await describeProgram('ashlar').parseAsync(['system', ...words], { from: 'user' });
  } finally {
    vi.restoreAllMocks();
  }
  return printed;
}

const variants = ['--description', descriptions, '--kiwi-file', 'variants.kiwi', '--target-arch', 'x86_64'];

describe('system info', () => {
  it('prints all that can be chosen', async () => {
    const { out } = await system('info', ...variants);
    const expected = readFileSync(join(descriptions, 'variants.json'), 'utf8');
    const file = join(descriptions, 'variants.kiwi');
    expect(JSON.parse(out)).toEqual(JSON.parse(expected.replaceAll('"variants.kiwi"', JSON.stringify(file))));
  });

  it('prints what is chosen, wherever the flags stand', async () => {
    const { out } = await system(
      'info',
      ...variants,
      '--profile',
      'Boot',
      '--profile',
      'Box',
      '--type',
      'tbz',
    );
    expect(JSON.parse(out)).toMatchObject([
      {
        profile: 'Boot,Box',
        type: 'tbz',
        profiles: ['Boot', 'Box'],
        system: ['bash', 'kernel', 'shim', 'vim'],
      },
    ]);
  });

  it('fails for what is not there', async () => {
    await expect(system('info', ...variants, '--profile', 'Arm')).rejects.toThrow(
      'KiwiProfileNotFound: profile Arm not found for host arch x86_64',
    );
    await expect(system('info', ...variants, '--profile', 'Box', '--type', 'oem')).rejects.toThrow(
      "KiwiTypeNotFound: Build type 'oem' not found for applied profiles: ['Box']",
    );
  });
});

describe('system validate', () => {
  it('says that a description is valid, and what is not done with it', async () => {
    const { out, err } = await system('validate', ...variants);
    expect(out).toBe('valid\n');
    expect(err.replaceAll(/\(.*variants\.kiwi/g, '(variants.kiwi').split('\n')).toEqual([
      'cannot be built: btrfs_root_is_snapper_snapshot of <type>: snapshots are not made: leave it out, and set snapper up when the machine first starts (variants.kiwi:28:61)',
      'cannot be built: <type image="iso">: ashlar does not build this type (variants.kiwi:41:10)',
      '  hint: image="oem" makes a disk that can be written to a stick',
      'without effect: flags of <type>: live media are not made (variants.kiwi:41:27)',
      'without effect: hybridpersistent of <type>: live media are not made (variants.kiwi:41:59)',
      'cannot be built: Conflicting image type setup detected: docker is there more than once (variants.kiwi:48:10)',
      '',
    ]);
  });

  it('says all that a build refuses', async () => {
    const leap = readFileSync(join(descriptions, 'leap-vm.kiwi'), 'utf8');
    const refused = leap
      .replace('<type ', '<type format="oci:vagrant" ')
      .replace(
        '</image>',
        '<containers source="r.example" backend="podman"><container name="c"/></containers></image>',
      );
    writeFileSync(join(directory, 'config.xml'), refused);
    const { err } = await system('validate', '--description', directory);
    expect(err).toContain('cannot be built: unsupported disk format vagrant');
    expect(err).toContain(
      'cannot be built: <container name="c">: ashlar does not put images of containers into images',
    );
  });

  it('lists all mistakes', async () => {
    writeFileSync(
      join(directory, 'config.xml'),
      readFileSync(join(descriptions, 'leap-vm.kiwi'), 'utf8').replace('xfs', 'xfd').replace('>us<', '><'),
    );
    const error = await system('validate', '--description', directory).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AshlarErrors);
    expect(error).toMatchObject({
      message: 'KiwiDescriptionInvalid: Failed to validate schema and/or schematron rules. 1 error',
      errors: [
        {
          message: 'filesystem of <type> is "xfd", not btrfs, ext2, ext3, ext4, squashfs, erofs or xfs',
          hint: 'did you mean "xfs"?',
        },
      ],
    });
  });
});
