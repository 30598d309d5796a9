/** The description as it is kept in the image: without what only who builds may know, or has. */
import { posix } from 'node:path';
import { saltOf, sha512Crypt } from '../../../support/password-hash.ts';
import { splitLogin } from '../../../support/secrets.ts';
import { sourceText } from '../../../support/source-text.ts';
import type { KiwiDescription } from '../model.ts';
import { parseXml } from '../xml/parse.ts';
import { attributeOf, childOf, type XmlElement } from '../xml/tree.ts';
import { writeXml } from '../xml/write.ts';

export interface PublicDescription {
  readonly text: string;
  /** Files beside the description that the text needs: keys, certificates, scripts for repositories. */
  readonly files: readonly string[];
  /** What the text is without: repositories beside the description, and files that are not below it. */
  readonly leftOut: readonly string[];
}

/** Passwords of users are hashed in it as in the image, those of repositories and of encrypted roots left out. */
export function publicDescription({
  xml,
  file,
  name,
}: Pick<KiwiDescription, 'xml' | 'file' | 'name'>): PublicDescription {
  const root = parseXml(sourceText(file, xml));
  const leftOut = elementsOf(root).flatMap(element => absentOf(element) ?? []);
  const kept = published(root, name);
  const files = elementsOf(kept).flatMap(element => fileOf(element) ?? []);
  return { text: writeXml(kept), files: [...new Set(files)], leftOut: [...new Set(leftOut)] };
}

/** The hash of a password that stands in a description. The same description makes the same image. */
export function hashedPassword(password: string, user: string, image: string): string {
  return sha512Crypt(password, saltOf(`${image} ${user}`));
}

function elementsOf(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(elementsOf)];
}

/** The file beside the description that an element means, as a path from there. */
function fileOf(element: XmlElement): string | undefined {
  const { name } = element;
  const written = (attribute: string) => attributeOf(element, attribute)?.value;
  if (name === 'signing') return besides(written('key') ?? '');
  const found = name === 'repository' ? written('customize') : name === 'certificate' ? written('name') : '';
  return found ? posix.normalize(`./${found}`) : undefined;
}

/** Of an address `this://path`. */
function besides(address: string): string | undefined {
  const [, path] = /^this:(?:\/\/)?(.*)$/s.exec(address) ?? [];
  return path && posix.normalize(`./${path}`);
}

/** What an image has no place for: whole repositories, and files elsewhere on the machine that builds. */
function absentOf(element: XmlElement): string | undefined {
  const source = element.name === 'repository' ? childOf(element, 'source') : undefined;
  const address = source && attributeOf(source, 'path')?.value;
  if (address !== undefined && besides(address) !== undefined) return address;
  const file = fileOf(element);
  return file?.startsWith('../') ? file : undefined;
}

function published(element: XmlElement, image: string): XmlElement {
  const children = element.children
    .filter(child => absentOf(child) === undefined)
    .map(child => published(child, image))
    // A list that had some must not be empty.
    .filter(({ name, children }) => name !== 'certificates' || children.length > 0);
  return { ...element, attributes: publishedAttributes(element, image), children };
}

function publishedAttributes(element: XmlElement, image: string): XmlElement['attributes'] {
  const { name, attributes } = element;
  if (name === 'repository')
    return attributes.filter(({ name }) => name !== 'username' && name !== 'password');
  if (name === 'source' || name === 'signing')
    return attributes.map(attribute => ({ ...attribute, value: splitLogin(attribute.value).url }));
  // A description with options of LUKS is not valid without the attribute.
  if (name === 'type')
    return attributes.map(attribute => (attribute.name === 'luks' ? { ...attribute, value: '' } : attribute));
  if (name !== 'user' || attributeOf(element, 'pwdformat')?.value !== 'plain') return attributes;
  const user = attributeOf(element, 'name')?.value ?? '';
  return attributes.flatMap(attribute => {
    if (attribute.name === 'pwdformat') return [];
    if (attribute.name !== 'password') return [attribute];
    return [{ ...attribute, value: hashedPassword(attribute.value, user, image) }];
  });
}
