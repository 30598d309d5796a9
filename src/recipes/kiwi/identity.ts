import { AshlarError } from '../../support/errors.ts';
import { sourceText } from '../../support/source-text.ts';
import { parseXml } from './xml/parse.ts';
import { attributeOf, childOf, childrenOf, type XmlElement } from './xml/tree.ts';

/** What a description says of itself, whatever its schema. */
export interface KiwiIdentity {
  readonly name: string;
  /** Of the first preferences that have one. */
  readonly version: string | undefined;
  /** `author <contact>`. */
  readonly author: string | undefined;
}

/**
 * Of the description in a tree.
 * @param file In the tree, where nobody who shows the place looks.
 * @throws AshlarError for a text that is no description.
 */
export function identifyKiwi(text: string, file: string): KiwiIdentity {
  const root = parseXml(sourceText(`tree:${file}`, text));
  const name = attributeOf(root, 'name')?.value.trim();
  if (root.name !== 'image' || !name)
    throw new AshlarError(`${file} is no description of an image: it has no <image name="…">`, {
      at: root.at,
    });
  const description = childOf(root, 'description');
  const [author, contact] = ['author', 'contact'].map(element => textOf(description, element));
  const versions = childrenOf(root, 'preferences').map(preferences => textOf(preferences, 'version'));
  return {
    name,
    version: versions.find(version => version !== undefined),
    author: author === undefined ? undefined : contact === undefined ? author : `${author} <${contact}>`,
  };
}

function textOf(element: XmlElement | undefined, name: string): string | undefined {
  return (element && childOf(element, name)?.text.trim()) || undefined;
}
