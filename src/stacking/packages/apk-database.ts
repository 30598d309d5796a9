/** apk's database of installed packages, apk-package(5): paragraphs of lines that begin with a letter and a colon. */
import { AshlarError } from '../../support/errors.ts';
import type { PackageRecord } from './merge.ts';

/** Where apk keeps its database: of old, and where /lib is a link. */
export const APK_DIRECTORIES = ['/lib/apk/db', '/usr/lib/apk/db'];

export const APK_INSTALLED = 'installed';

export interface ApkPackage extends PackageRecord {
  readonly name: string;
  readonly architecture: string;
  /** As `canonicalApkHash` gives it: what scripts and triggers name the package by. */
  readonly hash: string;
  /** All that the database says of it, its files included, one character for each byte. */
  readonly paragraph: string;
}

/** In the order of the database. Throws AshlarError when a paragraph is of no package. */
export function readApkInstalled(content: Uint8Array): readonly ApkPackage[] {
  const text = Buffer.from(content).toString('latin1');
  return text
    .split(/\n{2,}/)
    .map(paragraph => paragraph.replace(/^\n+|\n+$/g, ''))
    .filter(paragraph => paragraph !== '')
    .map(paragraph => {
      const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(paragraph)?.[1] ?? '';
      const [name, version] = [field('P'), field('V')];
      if (name === '' || version === '') throw new AshlarError('it has a package without name or version');
      return {
        name,
        version,
        architecture: field('A'),
        hash: canonicalApkHash(field('C')),
        identity: paragraph,
        paragraph,
      };
    });
}

export function writeApkInstalled(packages: Iterable<ApkPackage>): Buffer {
  return Buffer.from([...packages].map(({ paragraph }) => `${paragraph}\n\n`).join(''), 'latin1');
}

/** A hash of a package, which apk writes as `Q1` and base64 or as `X1` and hexadecimal digits, in one form. */
export function canonicalApkHash(text: string): string {
  const kind = text.slice(1, 2);
  if (text.startsWith('Q')) return `${kind}:${Buffer.from(text.slice(2), 'base64').toString('hex')}`;
  return `${kind}:${text.slice(2).toLowerCase()}`;
}
