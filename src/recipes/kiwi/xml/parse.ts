import { SaxesParser } from 'saxes';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import { type SourceText, spanBetween } from '../../../support/source-text.ts';
import type { XmlAttribute, XmlElement } from './tree.ts';

/** Real descriptions have ten thousand characters, a thousand elements, twenty attributes, and are eight deep. */
const MAX_CHARACTERS = 1024 * 1024;
const MAX_ELEMENTS = 10_000;
const MAX_ATTRIBUTES = 256;
const MAX_DEPTH = 64;

interface OpenElement {
  readonly name: string;
  readonly at: SourceSpan;
  readonly attributes: XmlAttribute[];
  readonly children: XmlElement[];
  text: string;
  textAt: SourceSpan | undefined;
}

/**
 * The root element of an XML text. Comments and processing instructions are left out.
 * @throws AshlarError for the first thing that is not well-formed, for document types (which is where entities and
 * external files come from), other encodings than UTF-8, and more of anything than descriptions have.
 */
export function parseXml(source: SourceText): XmlElement {
  const { text } = source;
  const span = (start: number, end: number) => spanBetween(source, start, end);
  const parser = new SaxesParser({ position: false });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  // Where the markup before the next text ends.
  let markupEnd = 0;
  let attributes: XmlAttribute[] = [];
  let tagStart = 0;
  let closed: XmlElement | undefined;

  const fail = (message: string, start: number, end: number, hint?: string): never => {
    throw new AshlarError(message, { at: span(start, end), hint });
  };

  if (text.length > MAX_CHARACTERS) fail(`more than ${MAX_CHARACTERS} characters`, 0, 0);
  parser.on('error', ({ message }) => {
    // The parser closes what is in the way before it complains.
    const hint =
      message === 'unexpected close tag.' && closed
        ? `<${closed.name}> of line ${closed.at.line} is still open`
        : undefined;
    fail(`not well-formed: ${message.replace(/\.$/, '')}`, ...nearby(text, parser.position), hint);
  });
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) {
      const start = Math.max(0, text.indexOf(encoding));
      fail(`encoding ${encoding} is not supported`, start, start + encoding.length, 'save the file as UTF-8');
    }
    markupEnd = parser.position;
  });
  parser.on('doctype', () => {
    const start = Math.max(0, text.lastIndexOf('<!DOCTYPE', parser.position));
    fail(
      'document types are refused, and with them all entities and external files',
      start,
      start + '<!DOCTYPE'.length,
      'remove the declaration; descriptions need none',
    );
  });
  parser.on('opentagstart', ({ name }) => {
    tagStart = text.lastIndexOf('<', parser.position - 1) + 1;
    attributes = [];
    count += 1;
    if (open.length >= MAX_DEPTH)
      fail(`elements are nested more than ${MAX_DEPTH} deep`, tagStart, tagStart + name.length);
    if (count > MAX_ELEMENTS) fail(`more than ${MAX_ELEMENTS} elements`, tagStart, tagStart + name.length);
  });
  parser.on('attribute', ({ name, value }) => {
    if (attributes.length >= MAX_ATTRIBUTES)
      fail(`more than ${MAX_ATTRIBUTES} attributes`, tagStart, tagStart + 1);
    const close = parser.position - 1;
    const quote = text.lastIndexOf(text.charAt(close), close - 1);
    const start = text.lastIndexOf(name, quote - 1);
    const at = span(start, start + name.length);
    attributes.push({ name, value, at, valueAt: close > quote + 1 ? span(quote + 1, close) : at });
  });
  parser.on('opentag', ({ name }) => {
    const at = span(tagStart, tagStart + name.length);
    open.push({ name, at, attributes, children: [], text: '', textAt: undefined });
    markupEnd = parser.position;
  });
  parser.on('text', characters => {
    const element = open.at(-1);
    if (element === undefined) return;
    element.text += characters;
    if (element.textAt !== undefined || characters.trim() === '') return;
    const start = markupEnd + (/\S/.exec(text.slice(markupEnd))?.index ?? 0);
    const end = text.indexOf('<', start);
    const length = text.slice(start, end < 0 ? text.length : end).trimEnd().length;
    element.textAt = span(start, start + length);
  });
  parser.on('cdata', characters => {
    const element = open.at(-1);
    if (element !== undefined) {
      element.text += characters;
      element.textAt ??= span(text.lastIndexOf('<![CDATA[', parser.position), parser.position);
    }
    markupEnd = parser.position;
  });
  parser.on('comment', () => {
    markupEnd = text.indexOf('>', parser.position - 1) + 1;
  });
  parser.on('processinginstruction', () => {
    markupEnd = parser.position;
  });
  parser.on('closetag', () => {
    const element = open.pop();
    if (element === undefined) return;
    closed = { ...element, textAt: element.textAt ?? element.at };
    const parent = open.at(-1);
    if (parent === undefined) root = closed;
    else parent.children.push(closed);
    markupEnd = parser.position;
  });

  parser.write(text).close();
  return root ?? fail('there is no element in it', 0, 0);
}

/** The parser says where it is, which is just behind what it means. */
function nearby(text: string, position: number): readonly [start: number, end: number] {
  const end = Math.min(position, text.length);
  const start = Math.max(0, text.charAt(end - 1) === '\n' ? end - 2 : end - 1);
  return [start, start + 1];
}
