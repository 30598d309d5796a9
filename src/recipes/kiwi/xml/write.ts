import type { XmlElement } from './tree.ts';

/** The text of an XML file that says what the tree says, in the form in which people write descriptions. */
export function writeXml(root: XmlElement): string {
  const lines = ['<?xml version="1.0" encoding="utf-8"?>'];
  writeElement(root, '', lines);
  return `${lines.join('\n')}\n`;
}

function writeElement(element: XmlElement, indent: string, lines: string[]): void {
  const { name, attributes, children, text } = element;
  const words = attributes.map(attribute => ` ${attribute.name}="${escapeValue(attribute.value)}"`);
  const start = `${indent}<${name}${words.join('')}`;
  if (children.length > 0) {
    lines.push(`${start}>${escapeText(text.trim())}`);
    for (const child of children) writeElement(child, `${indent}    `, lines);
    lines.push(`${indent}</${name}>`);
  } else if (text === '') {
    lines.push(`${start}/>`);
  } else {
    lines.push(`${start}>${escapeText(text)}</${name}>`);
  }
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** What a reader would take for white space must not become any. */
function escapeValue(text: string): string {
  return escapeText(text)
    .replaceAll('"', '&quot;')
    .replace(/[\t\n]/g, character => `&#${character.charCodeAt(0)};`);
}
