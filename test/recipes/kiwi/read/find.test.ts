import { describe, expect, it } from 'vitest';
import { findDescription } from '../../../../src/recipes/kiwi/read/find.ts';
import { directoryWith } from '../support.ts';

describe('findDescription', () => {
  it.each([
    [['config.xml', 'image/config.xml', 'a.kiwi'], 'config.xml'],
    [['image/config.xml', 'a.kiwi'], 'image/config.xml'],
    [['b.kiwi', 'a.kiwi', 'a.kiwi.bak'], 'a.kiwi'],
    [['config.xml/is-a-directory', 'a.kiwi'], 'a.kiwi'],
  ])('finds in %j the file %s', async (files, found) => {
    const directory = directoryWith(Object.fromEntries(files.map(file => [file, ''])));
    expect(await findDescription(directory, undefined)).toBe(`${directory}/${found}`);
  });

  it('takes the file that is asked for', async () => {
    const directory = directoryWith({ 'config.xml': '', 'other.kiwi': '' });
    expect(await findDescription(directory, 'other.kiwi')).toBe(`${directory}/other.kiwi`);
  });

  it.each([
    [{ 'readme.txt': '' }, undefined, 'config.xml, image/config.xml and *.kiwi are looked for'],
    [{ 'config.yml': '' }, undefined, 'config.yml is no XML: convert it with KIWI first'],
    [{ 'config.xml': '' }, 'missing.kiwi', 'there is no file missing.kiwi in it'],
  ])('says that there is none in %j', async (files, kiwiFile, hint) => {
    const directory = directoryWith(files);
    await expect(findDescription(directory, kiwiFile)).rejects.toMatchObject({
      message: `KiwiConfigFileNotFound: no XML description found in ${directory}`,
      mistake: 'KiwiConfigFileNotFound',
      hint,
    });
  });

  it('says the same of a directory that is not there', async () => {
    const directory = `${directoryWith({})}/missing`;
    await expect(findDescription(directory, undefined)).rejects.toMatchObject({
      message: `KiwiConfigFileNotFound: no XML description found in ${directory}`,
      hint: 'there is no such directory',
    });
  });
});
