import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseXml } from '../../../../src/recipes/kiwi/xml/parse.ts';
import type { XmlElement } from '../../../../src/recipes/kiwi/xml/tree.ts';
import { writeXml } from '../../../../src/recipes/kiwi/xml/write.ts';
import { AshlarError } from '../../../../src/support/errors.ts';
import { sourceText } from '../../../../src/support/source-text.ts';

const parse = (text: string) => parseXml(sourceText('x.xml', text));

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof AshlarError) return `${error.at?.line}:${error.at?.column}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

function place({ line, column, length }: XmlElement['at']): string {
  return `${line}:${column}+${length}`;
}

describe('parseXml', () => {
  it('knows where elements, attributes, values and texts are, whatever stands between', () => {
    const lines = [
      '\ufeff<?xml version="1.0" encoding="UTF-8"?>',
      '<!-- <a b="c"> -->',
      '<a  b = "x"',
      '\tc=\'y">\' d="">',
      '  <?skip this?><!-- and this --> two words <b/>',
      '</a >',
    ];
    for (const end of ['\n', '\r\n']) {
      const root = parse(lines.join(end));
      expect(place(root.at)).toBe('3:2+1');
      expect(
        root.attributes.map(({ name, value, at, valueAt }) => [name, value, place(at), place(valueAt)]),
      ).toEqual([
        ['b', 'x', '3:5+1', '3:10+1'],
        ['c', 'y">', '4:2+1', '4:5+3'],
        ['d', '', '4:10+1', '4:10+1'],
      ]);
      expect(root.text.trim()).toBe('two words');
      expect(place(root.textAt)).toBe('5:34+9');
      expect(root.children.map(({ name, at }) => [name, place(at)])).toEqual([['b', '5:45+1']]);
    }
  });

  it('reads the entities of XML, and sections of characters', () => {
    const root = parse('<a b="&lt;&quot;&#65;"><![CDATA[<x>]]> &amp; &#x42;</a>');
    expect(root.attributes.map(({ value }) => value)).toEqual(['<"A']);
    expect(root.text).toBe('<x> & B');
    expect(place(root.textAt)).toBe('1:24+15');
  });

  it.each([
    ['', '1:1: not well-formed: document must contain a root element'],
    ['text', '1:4: not well-formed: text data outside of root node'],
    ['<a>', '1:3: not well-formed: unclosed tag: a'],
    ['<a>\n  <b>\n</a>', '3:4: not well-formed: unexpected close tag'],
    ['<a b=1/>', '1:6: not well-formed: unquoted attribute value'],
    ['<a b="1" b="2"/>', '1:16: not well-formed: duplicate attribute: b'],
    ['<a>&unknown;</a>', '1:12: not well-formed: undefined entity'],
    ['<a/><b/>', '1:7: not well-formed: documents may contain only one root'],
    ['<a>\u0001</a>', '1:4: not well-formed: disallowed character'],
    ['<?xml version="1.0" encoding="ISO-8859-1"?><a/>', '1:31: encoding ISO-8859-1 is not supported'],
  ])('refuses %j', (text, expected) => {
    expect(refusal(text)).toBe(expected);
  });

  it.each([
    '<!DOCTYPE image>\n<image/>',
    '<!DOCTYPE image SYSTEM "http://example.org/x.dtd"><image/>',
    '<!DOCTYPE image SYSTEM "file:///etc/passwd" [<!ENTITY a SYSTEM "file:///etc/passwd">]><image>&a;</image>',
    '<!DOCTYPE image [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><image>&c;</image>',
    '<!DOCTYPE image [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><image/>',
  ])('reads no document type, and so no entities and no other files: %s', text => {
    expect(refusal(text)).toBe(
      '1:1: document types are refused, and with them all entities and external files',
    );
  });

  it('refuses more of anything than descriptions have', () => {
    expect(refusal('<a>'.repeat(1000))).toBe('1:194: elements are nested more than 64 deep');
    expect(refusal(`<a>${'<b/>'.repeat(10_000)}</a>`)).toBe('1:40001: more than 10000 elements');
    const attributes = Array.from({ length: 257 }, (_, index) => `a${index}="b"`);
    expect(refusal(`<a ${attributes.join(' ')}/>`)).toBe('1:2: more than 256 attributes');
    expect(refusal(`<a>${' '.repeat(1024 * 1024)}</a>`)).toBe('1:1: more than 1048576 characters');
  });
});

describe('writeXml', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const text = fc.string({ unit: fc.constantFrom(...'ab <>&"\'\t\n\r]é€😀') });
  interface Bare {
    readonly name: string;
    readonly attributes: readonly (readonly [string, string])[];
    readonly children: readonly Bare[];
    readonly text: string;
  }
  const attributes = fc.uniqueArray(fc.tuple(name, text), { selector: ([key]) => key, maxLength: 3 });
  const leaf = fc.record({ name, attributes, children: fc.constant([]), text });
  const above = (below: fc.Arbitrary<Bare>) =>
    fc.record({ name, attributes, children: fc.array(below, { maxLength: 3 }), text });
  const tree = above(above(above(leaf)));
  const nowhere = { file: '', line: 1, column: 1 };
  const whole = ({ name, attributes, children, text }: Bare): XmlElement => ({
    name,
    attributes: attributes.map(([key, value]) => ({ name: key, value, at: nowhere, valueAt: nowhere })),
    children: children.map(whole),
    text: children.length > 0 ? '' : text,
    textAt: nowhere,
    at: nowhere,
  });
  const bare = (element: XmlElement): Bare => ({
    name: element.name,
    attributes: element.attributes.map(({ name, value }) => [name, value] as const),
    children: element.children.map(bare),
    text: element.children.length > 0 ? element.text.trim() : element.text,
  });

  it('writes what is read as the same again', () => {
    fc.assert(
      fc.property(tree, given => {
        const element = whole(given);
        expect(bare(parse(writeXml(element)))).toEqual(bare(element));
      }),
      { numRuns: 200 },
    );
  });
});
