/** The description as it is kept in the image: without what only who builds may know, or has. */
import { join, posix } from 'node:path';
import { saltOf, sha512Crypt } from '../../../support/password-hash.ts';
import { splitLogin } from '../../../support/secrets.ts';
import { sourceText } from '../../../support/source-text.ts';
import type { KiwiDescription } from '../model.ts';
import { parseXml } from '../xml/parse.ts';
import { attributeOf, childOf, type XmlElement } from '../xml/tree.ts';
import { writeXml } from '../xml/write.ts';
import { isFile } from './beside.ts';
import { hostPath, released } from './repositories.ts';

export interface PublicDescription {
  readonly text: string;
  /** Files beside the description that the text needs: keys, certificates, scripts for repositories. */
  readonly files: readonly string[];
  /** Why the text is without something that is not in the image either, as sentences. */
  readonly leftOut: readonly string[];
}

type Described = Pick<KiwiDescription, 'xml' | 'file' | 'name' | 'directory' | 'preferences'>;

/** Passwords of users are hashed in it as in the image, those of repositories and of encrypted roots left out. */
export function publicDescription(description: Described): PublicDescription {
  const root = parseXml(sourceText(description.file, description.xml));
  const kept = published(root, description);
  const files = elementsOf(kept).flatMap(element => fileOf(element, description) ?? []);
  return {
    text: writeXml(kept),
    files: [...new Set(files)],
    leftOut: [...new Set(leftOutOf(root, description))],
  };
}

/** The hash of a password that stands in a description. The same description makes the same image. */
export function hashedPassword(password: string, user: string, image: string): string {
  return sha512Crypt(password, saltOf(`${image} ${user}`));
}

function elementsOf(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(elementsOf)];
}

/** The file beside the description that an element means, as a path from there. */
function fileOf(element: XmlElement, { preferences }: Described): string | undefined {
  const written = (attribute: string) => attributeOf(element, attribute)?.value ?? '';
  switch (element.name) {
    case 'signing': {
      const [, path = ''] =
        /^this:(?:\/\/)?(.*)$/s.exec(released(written('key'), preferences.releaseVersion)) ?? [];
      return beside(path);
    }
    case 'repository':
      return beside(written('customize'));
    case 'certificate':
      return beside(written('name'));
    default:
      return undefined;
  }
}

function beside(path: string): string | undefined {
  return path === '' ? undefined : posix.normalize(`./${path}`);
}

/** Why an element is left out: an image has no place for what is elsewhere on the machine that builds. */
function whyWithout(element: XmlElement, description: Described): string | undefined {
  switch (element.name) {
    case 'repository': {
      const address = addressOf(element);
      return hostPath(address, description) === undefined ? undefined : staying(address);
    }
    case 'signing': {
      const key = attributeOf(element, 'key')?.value ?? '';
      if (hostPath(key, description) === undefined) return undefined;
      const file = fileOf(element, description);
      return file === undefined ? staying(key) : whyNotBeside(file, description);
    }
    case 'certificate': {
      const file = fileOf(element, description);
      return file && whyNotBeside(file, description);
    }
    default:
      return undefined;
  }
}

function whyWithoutScript(repository: XmlElement, description: Described): string | undefined {
  const file = repository.name === 'repository' && fileOf(repository, description);
  if (!file) return undefined;
  const name = attributeOf(repository, 'alias')?.value ?? splitLogin(addressOf(repository)).url;
  return whyNotBeside(file, description, `${file}, which customizes the repository ${name},`);
}

function addressOf(repository: XmlElement): string {
  const source = childOf(repository, 'source');
  return (source && attributeOf(source, 'path')?.value) ?? '';
}

function whyNotBeside(file: string, { directory }: Described, shown = file): string | undefined {
  if (file.startsWith('../')) return staying(shown);
  return isFile(join(directory, file)) ? undefined : `${shown} is no file`;
}

function staying(what: string): string {
  return `${what} stays on this machine`;
}

function leftOutOf(element: XmlElement, description: Described): readonly string[] {
  const why = whyWithout(element, description);
  if (why !== undefined) return [why];
  const script = whyWithoutScript(element, description);
  const below = element.children.flatMap(child => leftOutOf(child, description));
  return script === undefined ? below : [script, ...below];
}

function published(element: XmlElement, description: Described): XmlElement {
  const children = element.children
    .filter(child => whyWithout(child, description) === undefined)
    .map(child => published(child, description))
    // A list that had some must not be empty.
    .filter(({ name, children }) => name !== 'certificates' || children.length > 0);
  const withoutScript = whyWithoutScript(element, description) !== undefined;
  const attributes = publishedAttributes(element, description.name).filter(
    ({ name }) => !withoutScript || name !== 'customize',
  );
  return { ...element, attributes, children };
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
