import { describe, expect, it } from 'vitest';
import { complaints, directoryWith, head, loadKiwi, names, tbz } from '../support.ts';

const choice = { profiles: [], type: undefined, architecture: 'x86_64' };

function included(packages: string): string {
  return `<image schemaversion="6.1" name="ignored"><packages type="image">${packages}</packages></image>`;
}

function including(...references: readonly string[]): string {
  const includes = references.map(reference => `<include from="${reference}"/>`);
  return `${head}\n${tbz}\n${includes.join('\n')}\n</image>`;
}

describe('resolveIncludes', () => {
  it('puts in what stands below the root of a file, whatever version that has', async () => {
    const outside = directoryWith({ 'far.xml': included('<package name="d"/>') });
    const directory = directoryWith({
      'config.xml': including(
        'this://parts/a.xml',
        'b.xml',
        'file:c.xml',
        `file://${outside}/far.xml`,
        `${outside}/far.xml`,
      ),
      'parts/a.xml': included('<package name="a"/>'),
      'b.xml': included('<package name="b"/>'),
      'c.xml': included('<package name="c"/>'),
    });
    const description = await loadKiwi({ directory, choice });
    expect(names(description.packages.system)).toEqual(['a', 'b', 'c', 'd']);
    expect(description.name).toBe('n');
    expect(description.xml).not.toContain('<include');
  });

  it('comes before the upgrade, so that included words are upgraded too', async () => {
    const old = '<preferences><packagemanager>dnf</packagemanager><version>1</version></preferences>';
    const directory = directoryWith({
      'config.xml': including('this://old.xml').replace('8.5', '7.5'),
      'old.xml': `<image schemaversion="7.5" name="x">${old}</image>`,
    });
    const description = await loadKiwi({ directory, choice });
    expect(description.preferences.packageManager.value).toBe('dnf4');
  });

  it('places mistakes in the file that has them', async () => {
    const directory = directoryWith({
      'config.xml': including('this://a.xml'),
      'a.xml': included('\n  <pakage name="a"/>'),
    });
    await expect(loadKiwi({ directory, choice })).rejects.toMatchObject({
      errors: [
        {
          message: '<pakage> is not known in <packages>',
          hint: 'did you mean "package"?',
          at: { file: `${directory}/a.xml`, line: 2, column: 4 },
        },
      ],
    });
  });

  it('says which file is not there', async () => {
    const directory = directoryWith({ 'config.xml': including('this://missing.xml') });
    await expect(loadKiwi({ directory, choice })).rejects.toMatchObject({
      message: "KiwiIncludeFileNotFound: include reference 'this://missing.xml' does not exist",
      hint: `it is ${directory}/missing.xml`,
      at: { line: 3, column: 16 },
    });
  });

  it('resolves one level only', async () => {
    const directory = directoryWith({
      'config.xml': including('this://a.xml'),
      'a.xml': '<image schemaversion="8.5" name="x"><include from="this://b.xml"/></image>',
      'b.xml': included('<package name="b"/>'),
    });
    await expect(loadKiwi({ directory, choice })).rejects.toMatchObject({
      message:
        'KiwiIncludeFileNotFound: One ore more <include> statements are unresolvable: ["this://b.xml"]',
      at: { file: `${directory}/a.xml`, line: 1 },
    });
  });

  it.each([
    ['https://example.org/a.xml', 'cannot include from https:'],
    ['ftp://example.org/a.xml', 'cannot include from ftp:'],
  ])('fetches nothing: %s', async (reference, message) => {
    const directory = directoryWith({ 'config.xml': including(reference) });
    await expect(loadKiwi({ directory, choice })).rejects.toMatchObject({ message, at: { line: 3 } });
  });

  it('reads no files for a text that came out of an image', async () => {
    expect(await complaints(including('/etc/passwd'))).toEqual([
      '3:2: KiwiIncludeFileNotFound: One ore more <include> statements are unresolvable: ["/etc/passwd"]',
    ]);
  });

  it('refuses entities in included files, too', async () => {
    const directory = directoryWith({
      'config.xml': including('this://a.xml'),
      'a.xml': '<!DOCTYPE image [<!ENTITY a SYSTEM "file:///etc/passwd">]><image>&a;</image>',
    });
    await expect(loadKiwi({ directory, choice })).rejects.toThrow('document types are refused');
  });
});
