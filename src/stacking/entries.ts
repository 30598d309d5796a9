/** When two layers say the same of a path, and what they say in words. */
import { type ByteString, type ContentsEntry, IMPLIED_DIRECTORY, toText } from '../layers/index.ts';

/** An empty file that nothing more is known of. */
export const PLAIN_FILE: ContentsEntry = { ...IMPLIED_DIRECTORY, type: 'file', mode: 0o644 };

/** Whether nothing but times and links to other names can differ. */
export function sameEntry(a: ContentsEntry, b: ContentsEntry): boolean {
  return a === b || (sameContent(a, b) && sameAttributes(a, b));
}

/** Whether both are the same kind of thing with the same content, target or device. */
export function sameContent(a: ContentsEntry, b: ContentsEntry): boolean {
  return (
    a.type === b.type &&
    a.sha256 === b.sha256 &&
    a.size === b.size &&
    a.link === b.link &&
    a.major === b.major &&
    a.minor === b.minor
  );
}

export function sameAttributes(a: ContentsEntry, b: ContentsEntry): boolean {
  return sameMode(a, b) && a.uid === b.uid && a.gid === b.gid && sameXattrs(a, b);
}

/** Symbolic links have no permissions of their own: what archives say of them is a habit of the program. */
export function sameMode(a: ContentsEntry, b: ContentsEntry): boolean {
  return a.mode === b.mode || (a.type === 'symlink' && b.type === 'symlink');
}

export function sameXattrs(a: ContentsEntry, b: ContentsEntry): boolean {
  return differentXattrs(a, b).length === 0;
}

/** The names of the attributes that one has and the other has not, or with another value. */
export function differentXattrs(a: ContentsEntry, b: ContentsEntry): ByteString[] {
  if (a.xattrs.length === 0 && b.xattrs.length === 0) return [];
  const values = new Map(a.xattrs.map(({ name, value }) => [name, value]));
  const different: ByteString[] = [];
  for (const { name, value } of b.xattrs) {
    const other = values.get(name);
    if (other === undefined || Buffer.compare(other, value) !== 0) different.push(name);
    values.delete(name);
  }
  return [...different, ...values.keys()].toSorted();
}

const THINGS: Record<ContentsEntry['type'], string> = {
  file: 'a file',
  directory: 'a directory',
  symlink: 'a symbolic link',
  character: 'a character device',
  block: 'a block device',
  fifo: 'a FIFO',
};

/** What kind of thing it is: `a file`, `a symbolic link to usr/bin`. */
export function thing(entry: ContentsEntry): string {
  return entry.type === 'symlink' ? `a symbolic link to ${toText(entry.link)}` : THINGS[entry.type];
}

/** What it holds: `12 B (sha256 0123456789ab)`, `a symbolic link to usr/bin`, `a block device 8:0`. */
export function substance(entry: ContentsEntry): string {
  switch (entry.type) {
    case 'file':
      return `${entry.size} B (sha256 ${entry.sha256.slice(0, 12)})`;
    case 'character':
    case 'block':
      return `${THINGS[entry.type]} ${entry.major}:${entry.minor}`;
    case 'directory':
    case 'fifo':
    case 'symlink':
      return thing(entry);
  }
}

/** `644`, as chmod takes it. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}
