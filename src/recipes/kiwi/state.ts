/** What a description means, as records for people and for comparison: one for each choice of profile and type. */
import { splitLogin } from '../../support/secrets.ts';
import type { KiwiMistake } from './errors.ts';
import { listKiwiTypes } from './load.ts';
import type { KiwiDescription, KiwiRepository, KiwiType, KiwiUser } from './model.ts';
import { initrdSystemOf } from './plan/type.ts';
import { type KiwiSource, resolveDescription } from './resolve/description.ts';

/** The attributes of the type that a record shows. */
const shown = [
  'filesystem',
  'firmware',
  'format',
  'kernelcmdline',
  'bootpartition',
  'efipartsize',
  'eficsm',
  'devicepersistency',
  'overlayroot',
  'rootfs_label',
  'initrd_system',
  'installiso',
  'bootfilesystem',
] as const;

export interface KiwiState {
  readonly file: string;
  readonly profile: string | null;
  readonly type: string;
  readonly name: string;
  /** Empty when none is given. */
  readonly version: string;
  readonly packagemanager: string;
  readonly profiles: readonly string[];
  readonly bootstrap: readonly string[];
  readonly system: readonly string[];
  readonly delete: readonly string[];
  readonly uninstall: readonly string[];
  readonly collections: readonly string[];
  /** Only what is set. */
  readonly attrs: Readonly<Record<string, string | number | boolean>>;
  readonly bootloader: string;
  readonly initrd: string;
  readonly oem_resize: boolean;
  /** Mebibytes. */
  readonly swap_mb: number | null;
  readonly size_mb: readonly [megabytes: number, additive: boolean | null] | null;
  readonly users: readonly UserState[];
  readonly repos: readonly RepositoryState[];
}

interface UserState {
  readonly name: string;
  readonly home: string | null;
  readonly shell: string | null;
  readonly pwdformat: string | null;
  readonly groups: readonly string[];
}

interface RepositoryState {
  readonly alias: string | null;
  readonly type: string | null;
  readonly source: string;
  readonly priority: number | null;
  readonly dist: string | null;
  readonly components: string | null;
  readonly imageinclude: boolean | null;
}

/** A choice that has no type, or that nobody can make. */
export interface KiwiStateError {
  readonly file: string;
  readonly profile: string | null;
  readonly error: KiwiMistake;
}

/** One record for each profile and each of its types, and for no profile. @param file What the records call it. */
export function listKiwiStates(
  source: KiwiSource,
  file: string,
  architecture: string,
): readonly (KiwiState | KiwiStateError)[] {
  const variants = listKiwiTypes(source, architecture);
  return variants.flatMap<KiwiState | KiwiStateError>(({ profile, types, mistake }) => {
    const profiles = profile === null ? [] : [profile];
    if (types.length === 0) return [{ file, profile, error: mistake?.mistake ?? 'KiwiTypeNotFound' }];
    return types.map(type =>
      kiwiState(resolveDescription(source, { profiles, type, architecture }), file, profile),
    );
  });
}

/** The record of one choice. */
export function kiwiState(description: KiwiDescription, file: string, profile: string | null): KiwiState {
  const { type, packages, preferences } = description;
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  return {
    file,
    profile,
    type: type.image,
    name: description.name,
    version: preferences.version ?? '',
    packagemanager: preferences.packageManager.value,
    profiles: description.profiles,
    bootstrap: names(packages.bootstrap),
    system: names(packages.system),
    delete: names(packages.delete),
    uninstall: names(packages.uninstall),
    collections: names(packages.collections),
    attrs: Object.fromEntries(
      shown.flatMap(name => {
        const attribute = type.attributes[name];
        return attribute === undefined ? [] : [[name, attribute.value] as const];
      }),
    ),
    bootloader: type.bootloader?.name ?? 'grub2',
    initrd: initrdSystemOf(type),
    oem_resize: type.oemconfig['oem-resize']?.value !== false,
    swap_mb: swapOf(type),
    size_mb: sizeOf(type),
    users: description.users.map(userState),
    repos: description.repositories.map(repositoryState),
  };
}

function swapOf({ oemconfig }: KiwiType): number | null {
  if (oemconfig['oem-swap']?.value !== true) return null;
  const size = oemconfig['oem-swapsize']?.value;
  return typeof size === 'number' ? size : 128;
}

function sizeOf({ size }: KiwiType): KiwiState['size_mb'] {
  return size === undefined ? null : [size.megabytes - size.unpartitioned, size.additive ?? null];
}

function userState({ name, home, shell, passwordFormat, groups }: KiwiUser): UserState {
  return { name, home: home ?? null, shell: shell ?? null, pwdformat: passwordFormat ?? null, groups };
}

function repositoryState(repository: KiwiRepository): RepositoryState {
  return {
    alias: repository.alias ?? null,
    type: repository.type ?? null,
    source: splitLogin(repository.source).url,
    priority: repository.priority ?? null,
    dist: repository.distribution ?? null,
    components: repository.components ?? null,
    imageinclude: repository.imageInclude ?? null,
  };
}
