/** Messages that scripts of KIWI's users look for, as the command line says them: before any work, with status 1. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';
import { AshlarError, AshlarErrors } from '../../../src/support/errors.ts';

interface Description {
  readonly schema?: string;
  readonly version?: string;
  readonly types?: string;
  readonly more?: string;
}

const tbz = '<type image="tbz"/>';

function config({ schema = '8.0', version = '1.0.0', types = tbz, more = '' }: Description): string {
  return `<image schemaversion="${schema}" name="Tiny">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <preferences>${version && `<version>${version}</version>`}<packagemanager>apt</packagemanager>${types}</preferences>
  ${more}
</image>
`;
}

const oem = (attributes: string, children = '') =>
  `<type image="oem" filesystem="ext4" firmware="uefi" ${attributes}>${children}</type>`;

/** What stackbuild says of a description, all errors and hints; nothing may have been made. */
async function said(description: Description | undefined, words: readonly string[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-texts-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'new'));
  if (description) writeFileSync(join(directory, 'new/config.xml'), config(description));
  const target = join(directory, 'target');
  const places = ['--stash', 'x', '--target-dir', target, '--description', join(directory, 'new')];
  const globals = ['--store', join(directory, 'store'), '--quiet'];
  const given = [...globals, 'system', 'stackbuild', ...places, ...words];
  try {
    await describeProgram('ashlar').parseAsync(given, { from: 'user' });
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    expect(existsSync(target)).toBe(false);
    expect('status' in error ? error.status : 1).toBe(1);
    const all = error instanceof AshlarErrors ? [...error.errors, error] : [error];
    return all.map(({ message }) => message).join('\n');
  }
  throw new Error('nothing is wrong');
}

it.each<[Description | undefined, readonly string[], string]>([
  [undefined, [], 'no XML description found in '],
  [{ more: '<stray/>' }, [], 'Failed to validate schema and/or schematron rules.'],
  [{ schema: '7.1' }, [], 'Error: Schema version must be >= 7.4'],
  [{}, ['--profile', 'p'], 'profile p not found for host arch '],
  [{}, ['--type', 'oem'], "Build type 'oem' not found for applied profiles: []"],
  [{ types: '' }, [], 'No build type defined with applied profiles: []'],
  [{ types: `${tbz}${tbz}` }, [], 'Conflicting image type setup detected'],
  [{ version: '' }, [], 'No version is defined in any of the <preferences> sections.'],
  [{ more: '<packages type="image"><package name="p"/></packages>' }, [], 'No repositories configured'],
  [
    { more: '<repository imageinclude="true"><source path="dir:///srv"/></repository>' },
    [],
    'The use of imageinclude="true" in the repository definition ',
  ],
  [
    {
      types: oem(
        '',
        '<partitions><partition name="root" size="1G" mountpoint="/x" filesystem="ext4"/></partitions>',
      ),
    },
    [],
    "Cannot use reserved table entry name: 'root'",
  ],
  [
    { types: '<type image="oem" filesystem="ext4" firmware="ofw"/>' },
    ['--target-arch', 'x86_64'],
    'support for firmware ofw for arch x86_64 not implemented',
  ],
])('%j with %j: %s', async (description, words, text) => {
  expect(await said(description, words)).toContain(text);
});
