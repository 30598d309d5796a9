/** Values of elements and attributes that the check has let pass, as what they are. */
import type { KiwiAttribute, KiwiElement, Placed } from '../model.ts';
import type { Attributes, ElementRule } from '../schema/forms.ts';
import { isTrue, typed } from '../schema/values.ts';
import { attributeOf, type XmlElement } from '../xml/tree.ts';

export function textOf(element: XmlElement, attribute: string): string | undefined {
  return attributeOf(element, attribute)?.value;
}

export function booleanOf(element: XmlElement, attribute: string): boolean | undefined {
  const value = textOf(element, attribute);
  return value === undefined ? undefined : isTrue(value);
}

export function integerOf(element: XmlElement, attribute: string): number | undefined {
  const value = textOf(element, attribute);
  return value === undefined ? undefined : Number(value);
}

/** One of the words that the table lists. */
export function wordOf<const W extends string>(
  element: XmlElement,
  attribute: string,
  words: readonly W[],
): W | undefined {
  const value = textOf(element, attribute);
  return words.find(word => word === value);
}

/** The text of an element without the white space around it. */
export function contentOf(element: XmlElement): string {
  return element.text.trim();
}

export function placedContent(element: XmlElement): Placed<string> {
  return { value: contentOf(element), at: element.textAt };
}

/** Mebibytes of `512`, `512M` or `4G`. */
export function mebibytesOf(size: string): number {
  return Number.parseInt(size, 10) * (size.endsWith('G') ? 1024 : 1);
}

export function typedAttributes(
  element: XmlElement,
  rules: Attributes | undefined,
): Readonly<Record<string, KiwiAttribute>> {
  const attributes = element.attributes.map(({ name, value, valueAt }): [string, KiwiAttribute] => [
    name,
    { value: typed(value, rules?.[name]?.form ?? 'text'), at: valueAt },
  ]);
  return Object.fromEntries(attributes);
}

/** An element as it is, with what is below. */
export function wholeElement(element: XmlElement, rule: ElementRule): KiwiElement {
  return {
    name: element.name,
    attributes: typedAttributes(element, rule.attributes),
    children: element.children.flatMap(child => {
      const [, below] = rule.children?.[child.name] ?? [];
      return below ? [wholeElement(child, below)] : [];
    }),
    text: contentOf(element),
    at: element.at,
  };
}
