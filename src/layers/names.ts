/** Names of entries in layers: one canonical form, and what may not be a name. */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';

/** NAME_MAX of every Linux file system that holds container images. */
const COMPONENT_LENGTH = 255;

const UNUSUAL = /\/\/|(?:^|\/)\.{1,2}(?:\/|$)|^\/|\/$/;

/**
 * The path without leading or trailing slashes and without `.` components; the root is the empty string.
 * Throws an AshlarError for `..` (no honest archive needs it, and readers disagree about it) and for components that
 * no file system takes.
 */
export function canonicalPath(path: ByteString): ByteString {
  if (path.includes('\0')) throw new AshlarError('the name holds a NUL byte');
  let canonical = path;
  if (UNUSUAL.test(path)) {
    const components = path.split('/').filter(component => component !== '' && component !== '.');
    if (components.includes('..')) throw new AshlarError(`the path ${quote(path)} leads out through ".."`);
    canonical = components.join('/');
  }
  if (canonical.length > COMPONENT_LENGTH) {
    for (const component of canonical.split('/')) {
      if (component.length > COMPONENT_LENGTH) {
        throw new AshlarError(`a component of the name is longer than ${COMPONENT_LENGTH} bytes`);
      }
    }
  }
  return canonical;
}

/** The path of the directory that holds the entry, and the entry's name in it. */
export function splitLast(path: ByteString): { parent: ByteString; name: ByteString } {
  const slash = path.lastIndexOf('/');
  return { parent: slash === -1 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

export function joinPath(parent: ByteString, name: ByteString): ByteString {
  return parent === '' ? name : `${parent}/${name}`;
}
