/** The description as it is kept in the image: without what only who builds may know. */
import { saltOf, sha512Crypt } from '../../../support/password-hash.ts';
import { splitLogin } from '../../../support/secrets.ts';
import { sourceText } from '../../../support/source-text.ts';
import type { KiwiDescription } from '../model.ts';
import { parseXml } from '../xml/parse.ts';
import { attributeOf, type XmlElement } from '../xml/tree.ts';
import { writeXml } from '../xml/write.ts';

/** Passwords of users are hashed in it as in the image, those of repositories and of encrypted roots left out. */
export function publicText({ xml, file, name }: Pick<KiwiDescription, 'xml' | 'file' | 'name'>): string {
  return writeXml(published(parseXml(sourceText(file, xml)), name));
}

/** The hash of a password that stands in a description. The same description makes the same image. */
export function hashedPassword(password: string, user: string, image: string): string {
  return sha512Crypt(password, saltOf(`${image} ${user}`));
}

function published(element: XmlElement, image: string): XmlElement {
  const children = element.children.map(child => published(child, image));
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
