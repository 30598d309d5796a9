import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identifyKiwi } from '../../../src/recipes/kiwi/identity.ts';
import { readKiwiOfTree } from '../../../src/recipes/kiwi/load.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { renderError } from '../../../src/support/excerpt.ts';
import { directoryWith, head, imageOf, tbz } from './support.ts';

async function shownOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AshlarError) return renderError(error, { color: false });
    throw error;
  }
  throw new Error('nothing is wrong');
}

describe('a description in a tree', () => {
  it.each(['config.xml', 'system.kiwi'])('includes no file of this machine: %s', async name => {
    const outside = join(directoryWith({}), 'outside.xml');
    writeFileSync(outside, `<image>${tbz}</image>`);
    for (const from of [`file://${outside}`, outside, 'this://beside.xml']) {
      const text = imageOf(tbz, `<include from="${from}"/>`);
      const directory = directoryWith({ [name]: text, 'beside.xml': `<image>${tbz}</image>` });
      const shown = await shownOf(() => readKiwiOfTree({ directory }, '/image'));
      expect(shown).toContain('statements are unresolvable');
      expect(shown).toContain(`--> tree:/image/${name}:3:2`);
      expect(shown).toContain(`3 | <include from="${from}"/>`);
    }
  });

  it('is shown as it stands there when something is wrong with it', async () => {
    const directory = directoryWith({ 'config.xml': `${head}\n<repositry/>\n</image>` });
    const shown = await shownOf(() => readKiwiOfTree({ directory }, '/image'));
    expect(shown).toMatch(/--> tree:\/image\/config\.xml:2:2\n {2}2 \| <repositry\/>/);
    expect(shown).not.toContain(directory);
    const damaged = await shownOf(() => identifyKiwi('<image>\n<a></b>\n</image>', '/image/config.xml'));
    expect(damaged).toMatch(/--> tree:\/image\/config\.xml:2:\d+\n {2}2 \| <a><\/b>/);
  });

  it('is missed by the name that the place has there', async () => {
    const directory = directoryWith({ 'readme.txt': '' });
    const shown = await shownOf(() => readKiwiOfTree({ directory, kiwiFile: 'own.kiwi' }, '/image'));
    expect(shown).toContain('no XML description found in /image of the tree');
    expect(shown).not.toContain(directory);
  });
});
