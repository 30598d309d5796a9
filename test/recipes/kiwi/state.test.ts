import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listKiwiTypes, loadKiwi, readKiwi } from '../../../src/recipes/kiwi/load.ts';
import { listKiwiStates } from '../../../src/recipes/kiwi/state.ts';

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
