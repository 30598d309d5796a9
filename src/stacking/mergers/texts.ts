/** Brings together files that are text, path by path: what each kind of file means is told by a `TextMerge`. */
import type { ByteString, ContentsEntry } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { octal, sameAttributes } from '../entries.ts';
import type { FileVersion, MergeInput, MergeResult } from '../merger.ts';
import type { Conflict } from '../types.ts';
import { madeFile, prevailing } from './made.ts';

/** What one part has. */
export interface TextSide {
  readonly part: string;
  readonly text: ByteString;
}

export interface MergedText {
  readonly text: ByteString;
  readonly conflicts: readonly Conflict[];
}

/**
 * Merges what parts made of a text that was `base`, lowest part first; the last one prevails. Throws an AshlarError
 * where a text cannot be understood.
 */
export type TextMerge = (path: string, base: ByteString, sides: readonly TextSide[]) => MergedText;

export const NOTHING: MergeResult = { files: [], conflicts: [] };

/** The results of several merges as one. */
export function joined(results: readonly MergeResult[]): MergeResult {
  return {
    files: results.flatMap(({ files }) => files),
    conflicts: results.flatMap(({ conflicts }) => conflicts),
    declined: results.flatMap(({ declined = [] }) => declined),
    regenerate: results.flatMap(({ regenerate = [] }) => regenerate),
  };
}

/** Decided like any path. */
export function declined(path: string): MergeResult {
  return { ...NOTHING, declined: [path] };
}

/** Removed where the layers have it: something that programs make anew. */
export function dropped({ stacked }: MergeInput, path: string): MergeResult {
  const there = stacked.entry(path) !== undefined;
  return there ? { ...NOTHING, files: [{ kind: 'removed', path }] } : NOTHING;
}

/** Merges one file; what is no file, or removed by a part, is decided like any path. */
export async function mergeTexts(input: MergeInput, path: string, merge: TextMerge): Promise<MergeResult> {
  const parts = input.parts.filter(part => part.changed(path));
  const versions: FileVersion[] = [];
  for (const part of parts) {
    if (part.entry(path)?.type !== 'file') return declined(path);
    const version = await part.read(path);
    if (version === undefined) return declined(path);
    versions.push(version);
  }
  const base = input.base.entry(path)?.type === 'file' ? await input.base.read(path) : undefined;
  const names = parts.map(({ name }) => name);
  return guarded(input, path, () => {
    const sides = versions.map(({ content }, i) => ({ part: names[i] ?? '', text: bytesOf(content) }));
    const { text, conflicts } = merge(path, base ? bytesOf(base.content) : '', sides);
    const attributes = mergeAttributes(path, base?.entry, versions, names);
    const made = madeFile(path, Buffer.from(text, 'latin1'), parts);
    return {
      files: [made.kind === 'file' ? { ...made, entry: { ...made.entry, ...attributes.entry } } : made],
      conflicts: [...conflicts, ...attributes.conflicts],
    };
  });
}

/** The merge of a file; where it cannot be understood, the file is as the last part has it, and people are told why. */
export async function guarded(
  { parts }: MergeInput,
  path: string,
  merge: () => MergeResult | Promise<MergeResult>,
): Promise<MergeResult> {
  try {
    return await merge();
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const names = parts.filter(part => part.changed(path)).map(({ name }) => name);
    const conflict: Conflict = {
      kind: 'merge',
      path,
      parts: names,
      text: `cannot be merged: ${error.message}`,
    };
    return { files: await prevailing([path], parts), conflicts: [conflict] };
  }
}

export function bytesOf(content: Uint8Array): ByteString {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
}

type Attributes = Pick<ContentsEntry, 'mode' | 'uid' | 'gid' | 'xattrs'>;

/** Attributes three-way as a whole: who changes them prevails over who does not. */
function mergeAttributes(
  path: string,
  base: ContentsEntry | undefined,
  versions: readonly FileVersion[],
  names: readonly string[],
): { readonly entry: Attributes | undefined; readonly conflicts: readonly Conflict[] } {
  const sides = versions.map(({ entry }, i) => ({ entry, part: names[i] ?? '' }));
  const changed = sides.filter(({ entry }) => base === undefined || !sameAttributes(entry, base));
  const last = changed.at(-1)?.entry ?? base;
  const agreed = last === undefined || changed.every(({ entry }) => sameAttributes(entry, last));
  const text = changed.map(({ entry, part }) => `${attributesInWords(entry)} in ${part}`).join(', ');
  const parts = changed.map(({ part }) => part);
  return {
    entry: last && { mode: last.mode, uid: last.uid, gid: last.gid, xattrs: last.xattrs },
    conflicts: agreed ? [] : [{ kind: 'attributes', path, parts, text }],
  };
}

function attributesInWords({ mode, uid, gid, xattrs }: ContentsEntry): string {
  const extended = xattrs.length === 0 ? '' : ` with ${xattrs.map(({ name }) => name).join(', ')}`;
  return `mode ${octal(mode)} of ${uid}:${gid}${extended}`;
}
