/** What forbids that an entry of an applied image comes where something else is already. Texts are stacker's. */
import { type ByteString, type ContentsEntry, toText } from '../layers/index.ts';
import { octal, sameMode, sameXattrs, thing } from './entries.ts';
import type { ConflictKind } from './types.ts';

export interface Objection {
  readonly kind: ConflictKind;
  readonly text: string;
}

/** Two entries at one path: what the tree has, and what an image brings. */
export interface Meeting {
  /** Absolute. */
  readonly path: string;
  readonly existing: ContentsEntry;
  readonly added: ContentsEntry;
  /** Whether the tree has the added entry's other name as another name of the same file. */
  readonly linked: boolean;
}

/** Everything but the content of files. */
export function objectionsTo({ path, existing, added, linked }: Meeting): Objection[] {
  if (existing.type !== added.type) return [typeObjection(path, existing, added)];
  const objections: Objection[] = [];
  const object = (kind: ConflictKind, text: string) => objections.push({ kind, text });
  if (!sameMode(existing, added)) {
    const modes = `mode ${octal(existing.mode)}, ${octal(added.mode)}`;
    object('attributes', `apply can't merge files of different types: ${path} (${modes})`);
  }
  if (existing.uid !== added.uid) {
    object('attributes', `two different uids on ${path}: ${existing.uid} ${added.uid}`);
  }
  if (existing.gid !== added.gid) {
    object('attributes', `two different gids on ${path}: ${existing.gid} ${added.gid}`);
  }
  if (!sameXattrs(existing, added)) {
    object('attributes', `different xattrs for ${path}: ${xattrs(existing)} ${xattrs(added)}`);
  }
  if (existing.link !== added.link) {
    const [from, to] = [toText(existing.link), toText(added.link)];
    object('content', `${path} would change symlink from ${from} to ${to}`);
  }
  if (existing.major !== added.major || existing.minor !== added.minor) {
    const numbers = [existing, added].map(({ major, minor }) => `${major}:${minor}`).join(' ');
    object('content', `device number mismatches for ${path}: ${numbers}`);
  }
  if (added.linkedTo !== undefined && !linked) {
    object('hard link', `hard link ${path} would change location`);
  }
  return objections;
}

function typeObjection(path: string, existing: ContentsEntry, added: ContentsEntry): Objection {
  const isDevice = ({ type }: ContentsEntry) => type === 'block' || type === 'character';
  if (isDevice(existing) && isDevice(added)) return { kind: 'type', text: `block/char mismatch: ${path}` };
  const types = `${thing(existing)}, ${thing(added)}`;
  return { kind: 'type', text: `apply can't merge files of different types: ${path} (${types})` };
}

/** With `--apply-consider-timestamps`; times of regular files never matter. */
export function timeObjection({ path, existing, added }: Omit<Meeting, 'linked'>): Objection | undefined {
  if (existing.type !== added.type || added.type === 'file' || existing.mtime === added.mtime)
    return undefined;
  const times = `${timestamp(existing.mtime)} ${timestamp(added.mtime)}`;
  return { kind: 'attributes', text: `two different mod times on ${path} ${times}` };
}

function timestamp(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  return Number.isNaN(date.getTime()) ? String(nanoseconds) : date.toISOString();
}

/** So much of a value is shown. */
const SHOWN = 40;

function xattrs({ xattrs }: ContentsEntry): string {
  const shown = xattrs.map(({ name, value }) => {
    const text = Buffer.from(value.subarray(0, SHOWN)).toString();
    return `${quoted(name)}=${JSON.stringify(text)}${value.length > SHOWN ? '...' : ''}`;
  });
  return `[${shown.join(' ')}]`;
}

function quoted(name: ByteString): string {
  return JSON.stringify(toText(name)).slice(1, -1);
}
