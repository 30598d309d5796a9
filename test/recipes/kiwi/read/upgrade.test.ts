import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEWEST_SCHEMA, upgradeDescription } from '../../../../src/recipes/kiwi/read/upgrade.ts';
import { parseXml } from '../../../../src/recipes/kiwi/xml/parse.ts';
import { attributeOf } from '../../../../src/recipes/kiwi/xml/tree.ts';
import { writeXml } from '../../../../src/recipes/kiwi/xml/write.ts';
import { sourceText } from '../../../../src/support/source-text.ts';

const versions = ['7.4', '7.5', '7.6', '8.0', '8.1', '8.2', '8.3', '8.4', '8.5'];

function upgraded(version: string, elements: string) {
  const text = `<image schemaversion="${version}" name="n">${elements}</image>`;
  return upgradeDescription(parseXml(sourceText('config.xml', text)));
}

/** What stands in the image after the upgrade, without the white space of the writer. */
function below(version: string, elements: string): string {
  const lines = writeXml(upgraded(version, elements)).split('\n');
  return lines
    .slice(2, -2)
    .map(line => line.trim())
    .join('');
}

/** Each change: the version that still has the old words, those, and the new ones. */
const changes = [
  [
    '7.4',
    '<containerconfig name="c" additionaltags="a, b"/>',
    '<containerconfig name="c" additionalnames=":a,:b"/>',
  ],
  ['7.5', '<packagemanager> dnf </packagemanager>', '<packagemanager>dnf4</packagemanager>'],
  ['8.0', '<repository type="rpm-dir" alias="a"/>', '<repository alias="a"/>'],
  ['8.1', '<repository use_for_bootstrap="true" alias="a"/>', '<repository alias="a"/>'],
  [
    '8.2',
    '<type image="oem" btrfs_root_is_snapshot="true"/>',
    '<type image="oem" btrfs_root_is_snapper_snapshot="true"/>',
  ],
  ['8.3', '<bootloader console="a b c"/>', '<bootloader output_console="a" input_console="b c"/>'],
  ['8.3', '<bootloader console="serial"/>', '<bootloader output_console="serial"/>'],
  ['8.4', '<type image="oem" vga="791"/>', '<type image="oem"/>'],
] as const;

describe('upgradeDescription', () => {
  it.each(changes)('from %s turns %s into %s', (version, before, after) => {
    expect(below(version, before)).toBe(after);
  });

  it.each(changes)('after %s leaves %s alone', (version, before) => {
    const next = versions[versions.indexOf(version) + 1] ?? '';
    expect(below(next, before)).toBe(below(NEWEST_SCHEMA, before));
  });

  it('does all steps from the oldest on', () => {
    const { old, fresh } = {
      old: changes.map(([, before]) => before),
      fresh: changes.map(([, , after]) => after),
    };
    expect(below('7.4', old.join(''))).toBe(fresh.join(''));
  });

  it('keeps other values of what it changes', () => {
    const elements = '<packagemanager>dnf5</packagemanager><repository type="rpm-md"/>';
    expect(below('7.4', elements)).toBe(elements);
  });

  it('keeps the places', () => {
    const text = '<image schemaversion="7.5">\n  <bootloader console="serial none"/></image>';
    const [loader] = upgradeDescription(parseXml(sourceText('x', text))).children;
    const input = loader && attributeOf(loader, 'input_console');
    expect(input).toMatchObject({ value: 'none', valueAt: { line: 2, column: 24 } });
  });

  it.each([
    ['7.3', 'Error: Schema version must be >= 7.4, this is 7.3'],
    ['6.1', 'Error: Schema version must be >= 7.4, this is 6.1'],
    ['7', 'Error: Schema version must be >= 7.4, this is 7'],
    ['8.6', 'schema version 8.6 is newer than 8.5, the newest known here'],
    ['8.10', 'schema version 8.10 is newer than 8.5, the newest known here'],
    ['10.0', 'schema version 10.0 is newer than 8.5, the newest known here'],
    ['', '"" is not a schema version'],
    ['8.x', '"8.x" is not a schema version'],
  ])('refuses version %j, comparing numbers', (version, message) => {
    expect(() => upgraded(version, '')).toThrow(message);
  });

  it('refuses a description without a version', () => {
    expect(() => upgradeDescription(parseXml(sourceText('x', '<image name="n"/>')))).toThrow(
      '<image> needs the attribute schemaversion',
    );
  });

  it('changes nothing a second time, and does not care for the order', () => {
    const elements = fc.shuffledSubarray(changes.map(([, before]) => before));
    fc.assert(
      fc.property(fc.constantFrom(...versions), elements, (version, chosen) => {
        const once = upgraded(version, chosen.join(''));
        expect(writeXml(upgradeDescription(once))).toBe(writeXml(once));
        expect(below(version, chosen.join(''))).toBe(chosen.map(each => below(version, each)).join(''));
      }),
      { numRuns: 100 },
    );
  });
});
