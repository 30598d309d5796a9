import type { Listener } from '../../../../src/recipes/cekit/descriptor/check.ts';
import { applyOverrides } from '../../../../src/recipes/cekit/descriptor/overrides.ts';
import { readDescriptor, readModule, readOverrides } from '../../../../src/recipes/cekit/descriptor/read.ts';
import type { RawImage } from '../../../../src/recipes/cekit/descriptor/types.ts';
import { AshlarError, AshlarErrors, type SourceSpan } from '../../../../src/support/errors.ts';
import { sourceText } from '../../../../src/support/source-text.ts';

export interface Heard {
  readonly message: string;
  readonly at?: SourceSpan | undefined;
}

/** Keeps what it is told. */
export function listener(): Listener & { readonly warnings: Heard[]; readonly infos: string[] } {
  const warnings: Heard[] = [];
  const infos: string[] = [];
  return {
    warnings,
    infos,
    warn: (message, at) => warnings.push({ message, at }),
    info: message => infos.push(message),
  };
}

export const ignore: Listener = { warn: () => undefined, info: () => undefined };

const readers = { image: readDescriptor, module: readModule, overrides: readOverrides };

export type FileKind = keyof typeof readers;

export function source(text: string, file = '/project/image.yaml', directory = '/project') {
  return { source: sourceText(file, text), directory };
}

/** All that is said against a text, as `line:column: message`, and what sums it up behind it. */
export function complaints(kind: FileKind, text: string): string[] {
  try {
    readers[kind](source(text), ignore);
    return [];
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const errors = error instanceof AshlarErrors ? [...error.errors, error] : [error];
    return errors.map(({ at, message }) => (at ? `${at.line}:${at.column}: ${message}` : message));
  }
}

/** The hints of what is said against a text. */
export function hints(kind: FileKind, text: string): (string | undefined)[] {
  try {
    readers[kind](source(text), ignore);
    return [];
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    return (error instanceof AshlarErrors ? error.errors : [error]).map(({ hint }) => hint);
  }
}

/** The one image of a descriptor with these lines below its name and version. */
export function image(lines = '', file?: string): RawImage {
  const [only] = readDescriptor(source(`name: n\nversion: "1"\n${lines}`, file), ignore);
  if (only === undefined) throw new Error('no image');
  return only;
}

/** That image after overrides, each out of its own directory. */
export function overridden(lines: string, ...overrides: readonly string[]): RawImage {
  const read = overrides.map((text, index) =>
    readOverrides(source(text, `/o${index}/overrides.yaml`, `/o${index}`), ignore),
  );
  const [only] = applyOverrides([image(lines)], read, ignore);
  if (only === undefined) throw new Error('no image');
  return only;
}

/** The values alone: texts, numbers and flags in place of themselves with their places. */
export function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== 'object') return value;
  const { at: _at, directory: _directory, ...rest } = value as Record<string, unknown>;
  const keys = Object.keys(rest);
  if (keys.length === 1 && (keys[0] === 'text' || (keys[0] === 'value' && 'at' in value))) {
    const [content] = Object.values(rest);
    if (typeof content !== 'object') return content;
  }
  return Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, bare(item)]));
}
