/**
 * What a KIWI description means for one image type and a choice of profiles: includes and upgrades done, defaults of
 * the reference not yet filled in, but where said.
 */
import type { SourceSpan } from '../../support/errors.ts';

export interface Placed<T> {
  readonly value: T;
  readonly at: SourceSpan;
}

export interface KiwiDescription {
  /** Absolute: where overlays, scripts and archives are. */
  readonly directory: string;
  /** The file that was read. */
  readonly file: string;
  /** The whole description, includes resolved, in the newest schema: what becomes /image/config.xml. */
  readonly xml: string;
  readonly name: string;
  readonly displayName: string | undefined;
  /** Written to /etc/ImageID. */
  readonly id: string | undefined;
  readonly author: string;
  readonly contact: string;
  readonly specification: string;
  readonly license: string | undefined;
  /** As `uname -m` says it. */
  readonly architecture: string;
  /** Those that are active, in their order. */
  readonly profiles: readonly string[];
  readonly preferences: KiwiPreferences;
  readonly type: KiwiType;
  readonly users: readonly KiwiUser[];
  readonly repositories: readonly KiwiRepository[];
  readonly packages: KiwiPackages;
  readonly drivers: readonly string[];
  readonly strip: {
    readonly delete: readonly string[];
    readonly tools: readonly string[];
    readonly libs: readonly string[];
  };
  readonly certificates: readonly Placed<string>[];
  readonly certificateTarget: string | undefined;
  /** Names of images that a machine is to come with. */
  readonly containers: readonly Placed<string>[];
  /** What is understood and has no effect here, to be said in the log. */
  readonly remarks: readonly { readonly text: string; readonly at: SourceSpan }[];
  /** Why nothing can be built of it, though it can be shown: the errors of a build. */
  readonly refusals: readonly { readonly text: string; readonly at: SourceSpan }[];
  readonly at: SourceSpan;
}

/** First or last section wins, as section 6 of the reference says. */
export interface KiwiPreferences {
  readonly version: string | undefined;
  /** `dnf4` where none is given. */
  readonly packageManager: Placed<string>;
  readonly releaseVersion: string | undefined;
  readonly locales: Placed<readonly string[]> | undefined;
  readonly keytable: Placed<string> | undefined;
  readonly timezone: Placed<string> | undefined;
  readonly rpmCheckSignatures: boolean | undefined;
  readonly rpmExcludeDocs: boolean | undefined;
  readonly rpmLocaleFiltering: boolean | undefined;
  readonly bootsplashTheme: string | undefined;
  readonly bootloaderTheme: string | undefined;
  readonly showLicense: readonly string[];
}

/** The chosen `<type>`. `attributes` are the schema's, as written but typed by the schema; absent ones are not there. */
export interface KiwiType {
  readonly image: string;
  readonly attributes: Readonly<Record<string, KiwiAttribute>>;
  readonly bootloader: KiwiBootloader | undefined;
  /** By element name (`oem-resize`); texts, booleans and numbers as the schema has them. */
  readonly oemconfig: Readonly<Record<string, KiwiAttribute>>;
  readonly size: KiwiSize | undefined;
  readonly systemdisk: KiwiSystemDisk | undefined;
  readonly partitions: readonly KiwiPartition[];
  readonly containerconfig: KiwiContainerConfig | undefined;
  readonly initrd: readonly KiwiInitrd[];
  /** Elements that only concern virtual machines and installers, by name, each with its attributes. */
  readonly machine: KiwiElement | undefined;
  readonly installmedia: KiwiElement | undefined;
  readonly vagrantconfigs: readonly KiwiElement[];
  readonly luksformat: KiwiElement | undefined;
  readonly at: SourceSpan;
}

export type KiwiAttribute = Placed<string | number | boolean>;

/** An element of which only some front ends of KIWI make anything. */
export interface KiwiElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, KiwiAttribute>>;
  readonly children: readonly KiwiElement[];
  readonly text: string;
  readonly at: SourceSpan;
}

export interface KiwiBootloader {
  /** `grub2` where none is given. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, KiwiAttribute>>;
  readonly at: SourceSpan;
}

/** Mebibytes. */
export interface KiwiSize {
  /** With what is unpartitioned. */
  readonly megabytes: number;
  readonly additive: boolean | undefined;
  readonly unpartitioned: number;
  readonly at: SourceSpan;
}

export interface KiwiSystemDisk {
  readonly name: string | undefined;
  readonly preferLvm: boolean;
  readonly volumes: readonly KiwiVolume[];
  readonly at: SourceSpan;
}

export interface KiwiVolume {
  readonly name: string;
  /** As written: `40G`, `all`. */
  readonly size: string | undefined;
  readonly freespace: string | undefined;
  readonly mountpoint: string | undefined;
  readonly copyOnWrite: boolean;
  readonly at: SourceSpan;
}

export interface KiwiPartition {
  readonly name: string;
  /** Mebibytes. */
  readonly megabytes: number;
  readonly partitionName: string | undefined;
  readonly partitionType: string | undefined;
  readonly mountpoint: string | undefined;
  readonly filesystem: string | undefined;
  readonly label: string | undefined;
  readonly id: number | undefined;
  readonly at: SourceSpan;
}

export interface KiwiContainerConfig {
  readonly name: string;
  readonly tag: string;
  readonly additionalNames: readonly string[];
  readonly maintainer: string;
  readonly user: string | undefined;
  readonly workingDir: string | undefined;
  readonly entrypoint: KiwiCommand | undefined;
  readonly subcommand: KiwiCommand | undefined;
  readonly ports: readonly Placed<string>[];
  readonly volumes: readonly string[];
  readonly stopSignal: string | undefined;
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly history: {
    readonly author: string | undefined;
    readonly createdBy: string | undefined;
    readonly comment: string | undefined;
  };
  readonly at: SourceSpan;
}

export interface KiwiCommand {
  /** Nothing when the element clears what is inherited. */
  readonly execute: string | undefined;
  readonly arguments: readonly string[];
  readonly clear: boolean;
}

export interface KiwiInitrd {
  readonly action: 'add' | 'omit' | 'set' | 'setup';
  readonly modules: readonly string[];
  readonly drivers: readonly string[];
  readonly uefi: boolean | undefined;
  readonly at: SourceSpan;
}

export interface KiwiUser {
  readonly name: string;
  readonly password: string;
  readonly passwordFormat: 'encrypted' | 'plain' | undefined;
  readonly home: string | undefined;
  readonly shell: string | undefined;
  readonly id: number | undefined;
  readonly realName: string | undefined;
  /** With `:gid`; those of all definitions of the name. */
  readonly groups: readonly string[];
  readonly at: SourceSpan;
}

export interface KiwiRepository {
  readonly type: string | undefined;
  readonly alias: string | undefined;
  /** As written. */
  readonly source: string;
  readonly signingKeys: readonly string[];
  readonly priority: number | undefined;
  readonly imageInclude: boolean | undefined;
  readonly imageOnly: boolean | undefined;
  readonly distribution: string | undefined;
  readonly components: string | undefined;
  readonly repositoryGpgCheck: boolean | undefined;
  readonly packageGpgCheck: boolean | undefined;
  readonly customize: string | undefined;
  readonly architectures: string | undefined;
  readonly sourceType: 'baseurl' | 'metalink' | 'mirrorlist' | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly at: SourceSpan;
}

/** Sorted and unique by name, filtered by architecture and profiles. */
export interface KiwiPackages {
  readonly bootstrap: readonly KiwiPackage[];
  readonly system: readonly KiwiPackage[];
  readonly delete: readonly KiwiPackage[];
  readonly uninstall: readonly KiwiPackage[];
  readonly collections: readonly KiwiPackage[];
  readonly bootstrapCollections: readonly KiwiPackage[];
  readonly products: readonly KiwiPackage[];
  readonly ignore: readonly KiwiPackage[];
  readonly modules: readonly KiwiModule[];
  readonly archives: readonly KiwiArchive[];
  readonly bootstrapArchives: readonly KiwiArchive[];
  readonly files: readonly KiwiFile[];
  readonly bootstrapFiles: readonly KiwiFile[];
  /** Whether recommended packages come along: `patternType` of the active sections. */
  readonly recommended: { readonly system: boolean; readonly bootstrap: boolean };
  /** Whether there is a section of type bootstrap. */
  readonly hasBootstrap: boolean;
}

export interface KiwiPackage {
  readonly name: string;
  readonly at: SourceSpan;
}

export interface KiwiModule extends KiwiPackage {
  readonly enable: boolean;
  readonly stream: string | undefined;
}

export interface KiwiArchive extends KiwiPackage {
  readonly targetDirectory: string | undefined;
}

export interface KiwiFile extends KiwiPackage {
  readonly target: string | undefined;
  readonly owner: string | undefined;
  readonly permissions: string | undefined;
}

/** What the command line chooses. */
export interface KiwiChoice {
  /** In the order given; empty: those that the description imports. */
  readonly profiles: readonly string[];
  readonly type: string | undefined;
  /** As `uname -m` says it. */
  readonly architecture: string;
}
