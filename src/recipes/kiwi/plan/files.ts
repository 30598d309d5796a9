/** Files beside a description: the description itself, overlays, archives, single files, certificates. */
import { basename, extname, join, posix } from 'node:path';
import type { SetupChange } from '../../../plan/system-steps.ts';
import type { CopyItem, CopyStep, FileSource, SetupStep, Step, Surroundings } from '../../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import type { KiwiArchive, KiwiDescription, KiwiFile } from '../model.ts';
import { isDirectory, isFile } from './beside.ts';
import { kconfig } from './kconfig.ts';
import type { KiwiPlanOptions } from './options.ts';
import { profileText, profileVariables } from './profile.ts';
import { publicDescription } from './public-text.ts';
import { BOOT_SCRIPT, bootScript, IMAGE_DIRECTORY, runText, SCRIPTS, scriptOf } from './scripts.ts';

export const EXCLUDES = 'exclude_files.yaml';

export function setupStep(
  what: string,
  changes: readonly SetupChange[],
  at: SourceSpan,
): readonly SetupStep[] {
  return changes.length === 0 ? [] : [{ kind: 'setup', changes, createdBy: `kiwi ${what}`, at }];
}

function copyStep(what: string, items: readonly CopyItem[], at: SourceSpan): readonly CopyStep[] {
  return items.length === 0 ? [] : [{ kind: 'copy', items, createdBy: `kiwi ${what}`, at }];
}

/** What scripts read first. */
export function shellFiles(description: KiwiDescription): readonly SetupChange[] {
  const profile = profileText(profileVariables(description));
  return [
    { kind: 'file', path: '/.kconfig', text: kconfig, mode: 0o644 },
    { kind: 'file', path: '/.profile', text: profile, mode: 0o644 },
  ];
}

/** The description comes to /image, with what lies beside it and belongs to it. */
export function importSteps(
  description: KiwiDescription,
  { warn }: Pick<KiwiPlanOptions, 'warn'>,
): readonly Step[] {
  const { at } = description;
  const { text, files, leftOut } = publicDescription(description);
  for (const why of leftOut) warn(`${why}: the description in the image is without it`, at);
  const config: SetupChange = {
    kind: 'file',
    path: `${IMAGE_DIRECTORY}/config.xml`,
    text,
    mode: 0o644,
  };
  return [
    ...setupStep('description', [config, ...shellFiles(description)], at),
    ...copyStep('files of the description', importItems(filesBeside(description, files), description), at),
  ];
}

/** What `post_bootstrap.sh` finds: not the description, since packages that come later must not depend on all of it. */
export function earlyImportSteps(description: KiwiDescription): readonly Step[] {
  const { at } = description;
  const items = importItems([{ name: 'post_bootstrap.sh', imported: 'post_bootstrap.sh', at }], description);
  return [
    ...setupStep('functions for scripts', shellFiles(description), at),
    ...copyStep('post_bootstrap.sh', items, at),
  ];
}

/** A file beside the description. */
interface Beside {
  readonly name: string;
  /** Its name in /image. */
  readonly imported: string;
  readonly at: SourceSpan;
}

/** @param more Those that keep their path. */
function filesBeside(description: KiwiDescription, more: readonly string[]): readonly Beside[] {
  const { packages, directory, at } = description;
  const scripts = SCRIPTS.filter(name => scriptOf(name, description));
  const others = [...(isFile(join(directory, EXCLUDES)) ? [EXCLUDES] : []), ...more];
  const boot = bootScript(description);
  const parts = [
    ...packages.bootstrapArchives,
    ...packages.archives,
    ...packages.bootstrapFiles,
    ...packages.files,
  ];
  const all = [
    ...[...scripts, ...others].map(name => ({ name, imported: name, at })),
    ...(boot === undefined ? [] : [{ name: boot, imported: BOOT_SCRIPT, at }]),
    ...parts.map(part => ({ name: part.name, imported: basename(part.name), at: part.at })),
  ];
  return [...new Map(all.map(one => [`${one.name} ${one.imported}`, one])).values()];
}

function importItems(files: readonly Beside[], { directory }: KiwiDescription): readonly CopyItem[] {
  return files.map(({ name, imported, at }) => ({
    source: { kind: 'file', path: join(directory, name), follow: true, at },
    target: posix.join(IMAGE_DIRECTORY, imported),
    keep: 'content',
    uid: 0,
    gid: 0,
    at,
  }));
}

export function archiveSteps(
  what: string,
  archives: readonly KiwiArchive[],
  { directory }: KiwiDescription,
): readonly CopyStep[] {
  const items = archives.map(({ name, targetDirectory, at }): CopyItem => {
    const messages = { missing: `Specified archive ${join(directory, name)} does not exist` };
    const source: FileSource = { kind: 'file', path: join(directory, name), follow: true, messages, at };
    return unpacked(source, absolute(targetDirectory ?? '/'), at);
  });
  return archives[0] ? copyStep(what, items, archives[0].at) : [];
}

function unpacked(source: FileSource, target: string, at: SourceSpan): CopyItem {
  return { source, target, keep: 'all', uid: 0, gid: 0, extract: true, throughLinks: true, at };
}

/** `root/`, or `root.tar.gz` where there is none, then a directory for each profile. */
export function overlaySteps(description: KiwiDescription): readonly CopyStep[] {
  const { directory, profiles, at } = description;
  const items = ['root', ...profiles].flatMap((name): readonly CopyItem[] => {
    const path = join(directory, name);
    if (!isDirectory(path)) return [];
    const source: FileSource = { kind: 'file', path, directory: true, at };
    return [{ source, target: '/', keep: 'all', uid: 0, gid: 0, throughLinks: true, at }];
  });
  const archive = join(directory, 'root.tar.gz');
  const packed = !isDirectory(join(directory, 'root')) && isFile(archive);
  const first = packed ? [unpacked({ kind: 'file', path: archive, follow: true, at }, '/', at)] : [];
  return copyStep('overlay', [...first, ...items], at);
}

/** The `file` elements, each with its owner and mode. */
export function fileSteps(
  what: string,
  files: readonly KiwiFile[],
  { directory }: KiwiDescription,
): readonly Step[] {
  const [first] = files;
  if (!first) return [];
  const items = files.map((file): CopyItem => {
    const { name, permissions, at } = file;
    const messages = { missing: `Specified file ${join(directory, name)} does not exist` };
    return {
      source: { kind: 'file', path: join(directory, name), follow: true, messages, at },
      target: targetOf(file),
      keep: 'attributes',
      ...(permissions !== undefined && { mode: modeOf(permissions, at) }),
      uid: 0,
      gid: 0,
      at,
    };
  });
  const owners = files.flatMap((file): readonly SetupChange[] => {
    const { owner, permissions, at } = file;
    if (owner === undefined) return [];
    // A change of the owner takes bits of the mode away.
    const mode = permissions === undefined ? {} : { mode: modeOf(permissions, at) };
    return [{ kind: 'owner', path: targetOf(file), owner, ...mode }];
  });
  return [...copyStep(what, items, first.at), ...setupStep(`owners of ${what}`, owners, first.at)];
}

/** A directory ends with a slash, or has no suffix where the file has one. */
function targetOf({ name, target = '/' }: KiwiFile): string {
  const isDirectory = target.endsWith('/') || (extname(target) === '' && extname(name) !== '');
  return absolute(isDirectory ? posix.join(target, basename(name)) : target);
}

function modeOf(permissions: string, at: SourceSpan): number {
  if (/^[0-7]{3,4}$/.test(permissions)) return Number.parseInt(permissions, 8);
  throw new AshlarError(`not an octal mode: ${permissions}`, { at });
}

/** Where a distribution looks for certificates, and what makes it know new ones. */
const CERTIFICATES: Readonly<Record<string, { readonly directory: string; readonly command: string }>> = {
  debian: { directory: '/usr/local/share/ca-certificates', command: 'update-ca-certificates' },
  suse: { directory: '/etc/pki/trust/anchors', command: 'update-ca-certificates' },
  redhat: { directory: '/etc/pki/ca-trust/source/anchors', command: 'update-ca-trust' },
  archlinux: { directory: '/etc/ca-certificates/trust-source/anchors', command: 'update-ca-trust' },
};

export function certificateSteps(
  description: KiwiDescription,
  { packages }: Pick<KiwiPlanOptions, 'packages'>,
  surroundings: Surroundings,
): readonly Step[] {
  const paths = [
    ...description.certificates.map(({ value, at }) => ({ path: join(description.directory, value), at })),
    ...packages.certificates.map(path => ({ path, at: description.at })),
  ];
  const [first] = paths;
  if (!first) return [];
  const target = packages.certificateTarget ?? description.certificateTarget ?? '';
  const place = Object.hasOwn(CERTIFICATES, target) ? CERTIFICATES[target] : undefined;
  if (!place) {
    throw new AshlarError(`for which distribution are the certificates: "${target}"`, {
      at: first.at,
      hint: `say target_distribution: ${Object.keys(CERTIFICATES).join(', ')}`,
    });
  }
  const items = paths.map(
    ({ path, at }): CopyItem => ({
      source: { kind: 'file', path, follow: true, at },
      target: posix.join(place.directory, basename(path)),
      keep: 'content',
      mode: 0o644,
      uid: 0,
      gid: 0,
      at,
    }),
  );
  return [
    ...copyStep('certificates', items, first.at),
    runText(`exec ${place.command}\n`, place.command, surroundings, first.at),
  ];
}

function absolute(path: string): string {
  return posix.join('/', path);
}
