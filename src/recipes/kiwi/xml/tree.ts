/** XML as the reader of descriptions sees it: elements, attributes and texts, each with its place. */
import type { SourceSpan } from '../../../support/errors.ts';

export interface XmlElement {
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** All of the text directly below, white space included. */
  readonly text: string;
  /** Where the text begins, or the element when there is none. */
  readonly textAt: SourceSpan;
  /** The name in the start tag. */
  readonly at: SourceSpan;
}

export interface XmlAttribute {
  readonly name: string;
  readonly value: string;
  /** The name. */
  readonly at: SourceSpan;
  /** What stands between the quotes; the name when that is nothing. */
  readonly valueAt: SourceSpan;
}

export function attributeOf(element: XmlElement, name: string): XmlAttribute | undefined {
  return element.attributes.find(attribute => attribute.name === name);
}

export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter(child => child.name === name);
}

export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find(child => child.name === name);
}
