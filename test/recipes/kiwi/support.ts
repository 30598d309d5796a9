import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type KiwiFileOptions, readKiwi, readKiwiText } from '../../../src/recipes/kiwi/load.ts';
import type { KiwiChoice, KiwiDescription } from '../../../src/recipes/kiwi/model.ts';
import { resolveDescription } from '../../../src/recipes/kiwi/resolve/description.ts';
import { AshlarError, AshlarErrors } from '../../../src/support/errors.ts';
import { renderError } from '../../../src/support/excerpt.ts';
import { sourceText } from '../../../src/support/source-text.ts';

/** What every description has, in one line, so that the lines of a test begin in the second. */
export const head =
  '<image schemaversion="8.5" name="n"><description type="system"><author>A</author><specification>S</specification></description>';

export const tbz = '<preferences><version>1.0.0</version><type image="tbz"/></preferences>';

/** A description of these elements. */
export function imageOf(...elements: readonly string[]): string {
  return `${head}\n${elements.join('\n')}\n</image>\n`;
}

export async function describeText(text: string, choice: Partial<KiwiChoice> = {}): Promise<KiwiDescription> {
  const source = readKiwiText(sourceText('config.xml', text), '/project');
  return resolveDescription(source, { profiles: [], type: undefined, architecture: 'x86_64', ...choice });
}

/** A description of these elements and one that can be made, resolved. */
export async function described(
  elements: string,
  choice: Partial<KiwiChoice> = {},
): Promise<KiwiDescription> {
  return describeText(imageOf(tbz, elements), choice);
}

/** All that is said against a text, as `line:column: message`, and what sums it up behind it. */
export async function complaints(text: string): Promise<readonly string[]> {
  return (await errorsOf(text)).map(({ at, message }) =>
    at ? `${at.line}:${at.column}: ${message}` : message,
  );
}

export async function hints(text: string): Promise<readonly (string | undefined)[]> {
  return (await errorsOf(text)).map(({ hint }) => hint);
}

async function errorsOf(text: string): Promise<readonly AshlarError[]> {
  const error = await thrownBy(text);
  if (error === undefined) return [];
  return error instanceof AshlarErrors ? [...error.errors, error] : [error];
}

/** What the terminal shows. */
export async function shown(text: string): Promise<string> {
  const error = await thrownBy(text);
  return error === undefined ? '' : renderError(error, { color: false });
}

async function thrownBy(text: string): Promise<AshlarError | undefined> {
  try {
    readKiwiText(sourceText('config.xml', text), '/project');
    return undefined;
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
}

/** What a description in a directory means. */
export async function loadKiwi({
  choice,
  ...file
}: KiwiFileOptions & { readonly choice: KiwiChoice }): Promise<KiwiDescription> {
  return resolveDescription(await readKiwi(file), choice);
}

/** A directory with these files, for the time of a test. */
export function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-kiwi-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

export function names(list: readonly { readonly name: string }[]): readonly string[] {
  return list.map(({ name }) => name);
}
