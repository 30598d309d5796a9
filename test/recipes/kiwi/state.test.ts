import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listKiwiTypes, readKiwi, readKiwiText } from '../../../src/recipes/kiwi/load.ts';
import { listKiwiStates } from '../../../src/recipes/kiwi/state.ts';
import { AshlarError, AshlarErrors } from '../../../src/support/errors.ts';
import { sourceText } from '../../../src/support/source-text.ts';
import { imageOf, loadKiwi, tbz } from './support.ts';

const directory = fileURLToPath(new URL('descriptions', import.meta.url));

function expected(name: string): unknown {
  return JSON.parse(readFileSync(`${directory}/${name}.json`, 'utf8'));
}

describe('listKiwiStates', () => {
  it.each(['leap-vm', 'variants'])('resolves all that can be chosen of %s', async name => {
    const kiwiFile = `${name}.kiwi`;
    const states = listKiwiStates(await readKiwi({ directory, kiwiFile }), kiwiFile, 'x86_64');
    expect(JSON.parse(JSON.stringify(states))).toEqual(expected(name));
  });

  it('lists the profiles of the machine, with each type once', async () => {
    const source = await readKiwi({ directory, kiwiFile: 'variants.kiwi' });
    expect(listKiwiTypes(source, 'aarch64')).toEqual([
      { profile: null, types: [] },
      { profile: 'Disk', types: ['oem'] },
      { profile: 'Box', types: ['docker', 'tbz'] },
      { profile: 'Boot', types: [] },
      { profile: 'Arm', types: [] },
    ]);
  });

  it('says of a profile alone that what it requires is not there', () => {
    const profiles =
      '<profiles><profile name="a" description="d"><requires profile="c"/></profile><profile name="b" description="d"/></profiles>';
    const states = listKiwiStates(readKiwiText(sourceText('c', imageOf(profiles, tbz)), '/'), 'f', 'x86_64');
    expect(states).toMatchObject([
      { file: 'f', profile: null, type: 'tbz' },
      { file: 'f', profile: 'a', error: 'KiwiProfileNotFound' },
      { file: 'f', profile: 'b', type: 'tbz' },
    ]);
  });

  it('has an empty version where none is given', () => {
    const source = readKiwiText(
      sourceText('c', imageOf('<preferences><type image="tbz"/></preferences>')),
      '/',
    );
    expect(listKiwiStates(source, 'f', 'x86_64')).toMatchObject([{ version: '' }]);
  });
});

it('refuses to list more choices than anybody would look at', () => {
  const profiles = (count: number) =>
    imageOf(
      `<profiles>${Array.from({ length: count }, (_, i) => `<profile name="p${i}" description="d"/>`).join('')}</profiles>`,
      tbz,
    );
  const listed = (count: number) =>
    listKiwiTypes(readKiwiText(sourceText('c', profiles(count)), '/'), 'x86_64');
  expect(listed(499)).toHaveLength(500);
  expect(() => listed(500)).toThrow('more than 500 profiles and types can be chosen');
});

describe('a description that somebody has damaged', () => {
  const text = readFileSync(`${directory}/variants.kiwi`, 'utf8');
  const piece = fc.constantFrom(
    ...[
      '<',
      '>',
      '"',
      '&',
      '/>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?x',
      '<!DOCTYPE a>',
      '&#0;',
      '\ud800',
      '=',
    ],
    ...[' ', '<a>', '</a>', '__proto__', 'constructor', '99999999999999999999', '-1', 'image', ',', ''],
  );
  const edit = fc.tuple(fc.nat(text.length), fc.nat(12), piece);

  it('is resolved or refused with a place, whatever is changed in it', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), edits => {
        const damaged = edits.reduce(
          (before, [start, length, inserted]) =>
            before.slice(0, start) + inserted + before.slice(start + length),
          text,
        );
        try {
          const source = readKiwiText(sourceText('variants.kiwi', damaged), '/project');
          expect(listKiwiStates(source, 'variants.kiwi', 'x86_64').length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof AshlarError)) throw error;
          const errors = error instanceof AshlarErrors ? error.errors : [error];
          expect(errors.filter(({ at }) => at === undefined)).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('a description like that of the manual', () => {
  it('is read in full, without a remark', async () => {
    const choice = { profiles: [], type: undefined, architecture: 'x86_64' };
    const description = await loadKiwi({ directory, kiwiFile: 'leap-vm.kiwi', choice });
    expect(description).toMatchObject({
      file: `${directory}/leap-vm.kiwi`,
      name: 'Leap-VM',
      author: 'Somebody',
      contact: 'somebody@example.org',
      specification: 'A container that becomes a machine',
      preferences: {
        version: '1.99.1',
        locales: { value: ['en_US'] },
        keytable: { value: 'us' },
        timezone: { value: 'UTC' },
      },
      packages: { hasBootstrap: false, recommended: { system: false } },
      users: [{ password: '$1$salt$qJH7.N4xYta3aEG/dfqo/0', passwordFormat: undefined }],
      remarks: [],
      refusals: [],
    });
    expect(description.xml).toContain('<image schemaversion="8.5" name="Leap-VM">');
  });
});
