import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AshlarError, codeOf, type SourceSpan } from '../../../support/errors.ts';
import { KiwiError } from '../errors.ts';
import { attributeOf, childrenOf, type XmlElement } from '../xml/tree.ts';

/**
 * The root with each `<include from="…"/>` directly below it replaced by what stands below the root of the file. One
 * level only, as with KIWI.
 * @param read Reads the XML of a file; throws the system's error when it is not there.
 */
export async function resolveIncludes(
  root: XmlElement,
  directory: string,
  read: (path: string) => Promise<XmlElement>,
): Promise<XmlElement> {
  const children = await Array.fromAsync(root.children, child =>
    child.name === 'include' ? included(child, directory, read) : [child],
  );
  const merged = { ...root, children: children.flat() };
  refuseIncludes(merged);
  return merged;
}

/** @throws KiwiError when there are includes, which nothing will resolve any more. */
export function refuseIncludes(root: XmlElement): void {
  const includes = childrenOf(root, 'include');
  const [first] = includes;
  if (first === undefined) return;
  const list = JSON.stringify(includes.map(include => attributeOf(include, 'from')?.value ?? ''));
  throw new KiwiError(
    'KiwiIncludeFileNotFound',
    `One ore more <include> statements are unresolvable: ${list}`,
    {
      at: first.at,
      hint: 'neither files that are included nor descriptions in images can include others',
    },
  );
}

async function included(
  include: XmlElement,
  directory: string,
  read: (path: string) => Promise<XmlElement>,
): Promise<readonly XmlElement[]> {
  const from = attributeOf(include, 'from');
  if (from === undefined)
    throw new AshlarError('<include> needs the attribute from', {
      at: include.at,
      hint: 'for example from="this://common.xml"',
    });
  const path = pathOf(from.value, directory, from.valueAt);
  const root = await read(path).catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT' && codeOf(cause) !== 'ENOTDIR') throw cause;
    throw new KiwiError('KiwiIncludeFileNotFound', `include reference '${from.value}' does not exist`, {
      at: from.valueAt,
      hint: `it is ${path}`,
    });
  });
  if (root.name === 'image') return root.children;
  throw new AshlarError(`an included file has the root <image>, not <${root.name}>`, { at: root.at });
}

/** `this://x` is below the directory of the description, and so are paths that do not begin with a slash. */
function pathOf(reference: string, directory: string, at: SourceSpan): string {
  if (reference.startsWith('this://'))
    return resolve(directory, reference.slice('this://'.length).replace(/^\/+/, ''));
  if (/^file:\/\/\//.test(reference)) return fileURLToPath(reference);
  if (reference.startsWith('file:')) return resolve(directory, reference.replace(/^file:(\/\/)?/, ''));
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(reference) ?? [];
  if (scheme === undefined) return resolve(directory, reference);
  throw new AshlarError(`cannot include from ${scheme}:`, {
    at,
    hint: 'files are included with this://, file: or a path',
  });
}
