import { relative, resolve } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { type SourceText, sourceText } from '../../support/source-text.ts';
import { readText } from '../../support/text-file.ts';
import { KiwiError } from './errors.ts';
import { findDescription } from './read/find.ts';
import { refuseIncludes, resolveIncludes } from './read/include.ts';
import { upgradeDescription } from './read/upgrade.ts';
import type { KiwiSource } from './resolve/description.ts';
import { nameOf, profilesOf, selectProfiles } from './resolve/selection.ts';
import { imageOf, typesOf } from './resolve/type.ts';
import { checkDescription } from './schema/check.ts';
import { parseXml } from './xml/parse.ts';
import type { XmlElement } from './xml/tree.ts';

export interface KiwiFileOptions {
  /** Where the description is. */
  readonly directory: string;
  /** Its file, relative to that; otherwise it is looked for. */
  readonly kiwiFile?: string | undefined;
}

/** A description with includes resolved, in the newest schema, and checked: what all choices have in common. */
export async function readKiwi({ directory: given, kiwiFile }: KiwiFileOptions): Promise<KiwiSource> {
  const directory = resolve(given);
  const file = await findDescription(directory, kiwiFile);
  const parsed = parseDescription(await readText(file));
  const whole = await resolveIncludes(parsed, directory, async path => parseXml(await readText(path)));
  return sourceOf(whole, file, directory);
}

/**
 * The same for a directory that was taken out of a tree: nothing in it leads to files of this machine, and places in it
 * are those in the tree, because the directory is gone when somebody reads them.
 * @param place What the directory is called in the tree.
 */
export async function readKiwiOfTree(
  { directory, kiwiFile }: KiwiFileOptions,
  place: string,
): Promise<KiwiSource> {
  const file = await findDescription(directory, kiwiFile, `${place} of the tree`);
  const { text } = await readText(file);
  return readKiwiText(sourceText(`tree:${place}/${relative(directory, file)}`, text), directory);
}

/**
 * The same for a text that came from elsewhere, of an image for example: it cannot include files of this machine.
 * @param directory Where the files beside it are.
 */
export function readKiwiText(source: SourceText, directory: string): KiwiSource {
  const parsed = parseDescription(source);
  refuseIncludes(parsed);
  return sourceOf(parsed, source.file, directory);
}

function sourceOf(image: XmlElement, file: string, directory: string): KiwiSource {
  const root = upgradeDescription(image);
  checkDescription(root);
  return { directory, file, root };
}

function parseDescription(source: SourceText): XmlElement {
  try {
    return parseXml(source);
  } catch (cause) {
    if (!(cause instanceof AshlarError)) throw cause;
    throw new KiwiError(
      'KiwiConfigFileFormatNotSupported',
      `Configuration file could not be parsed. ${cause.message}`,
      { at: cause.at, hint: cause.hint },
    );
  }
}

/** A choice of profile, and the image types that it has. */
export interface KiwiVariant {
  /** Null: no profile is asked for. */
  readonly profile: string | null;
  readonly types: readonly string[];
  /** Why it cannot be chosen: what it requires is not there. */
  readonly mistake?: KiwiError;
}

/** Real descriptions have about twenty profiles, each with a type or two. */
const MOST_CHOICES = 500;

/**
 * What can be chosen on a machine: no profile and each profile, with the distinct types of each.
 * @throws AshlarError for more than anybody would look at.
 */
export function listKiwiTypes({ root }: KiwiSource, architecture: string): readonly KiwiVariant[] {
  const profiles = [null, ...profilesOf(root, architecture).map(nameOf)];
  checkCount(profiles.length, root);
  const variants = profiles.map(profile => variantOf(root, profile, architecture));
  checkCount(
    variants.reduce((sum, { types }) => sum + types.length, 0),
    root,
  );
  return variants;
}

function variantOf(root: XmlElement, profile: string | null, architecture: string): KiwiVariant {
  try {
    const choice = { profiles: profile === null ? [] : [profile], type: undefined, architecture };
    const types = typesOf(selectProfiles(root, choice)).map(imageOf);
    return { profile, types: [...new Set(types)] };
  } catch (mistake) {
    if (mistake instanceof KiwiError) return { profile, types: [], mistake };
    throw mistake;
  }
}

function checkCount(count: number, { at }: XmlElement): void {
  if (count <= MOST_CHOICES) return;
  throw new AshlarError(`more than ${MOST_CHOICES} profiles and types can be chosen`, {
    at,
    hint: 'choose some with --profile and --type',
  });
}
