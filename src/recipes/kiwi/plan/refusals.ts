/** What descriptions may ask for and ashlar does not make: said before any work, with what to do instead. */
import { AshlarError, AshlarErrors } from '../../../support/errors.ts';
import type { KiwiDescription } from '../model.ts';
import { textOf } from './attributes.ts';
import { derivedBase } from './container.ts';
import { excluded } from './create.ts';
import type { KiwiPlanOptions } from './options.ts';
import { diskOutputParts, typeOutputs } from './outputs.ts';
import { locationOf, repositoryAddress } from './repositories.ts';
import { bootScript } from './scripts.ts';
import { firmwareOf } from './type.ts';

const TYPES: Readonly<Record<string, string>> = {
  iso: 'image="oem" makes a disk that can be written to a stick',
  pxe: 'image="oem" makes a disk, image="tbz" an archive of the tree',
  kis: 'image="oem" makes a disk, image="tbz" an archive of the tree',
  wsl: 'image="tbz" makes an archive that WSL imports',
  appx: 'image="tbz" makes an archive that WSL imports',
  enclave: 'image="oem" makes a disk',
};

/** A new system from nothing or on a tree, or the result of the tree that has the description in it. */
export type Purpose = 'from nothing' | 'on a tree' | 'again';

/** All that is in the way of a build, each with its place. The command line and the machine have no part in it. */
export function refusalsOf(description: KiwiDescription, purpose: Purpose): readonly AshlarError[] {
  const types = refusedType(description);
  return [
    ...description.refusals.map(({ text, at }) => new AshlarError(text, { at })),
    ...types,
    ...(description.type.image === 'oem' ? refusedForDisks(description) : []),
    ...(types.length === 0 ? refusedOutputs(description) : []),
    ...thrownBy(() => bootScript(description)),
    ...thrownBy(() => excluded(description)),
    ...(purpose === 'again' ? [] : [...refusedContainers(description), ...refusedRepositories(description)]),
    ...(purpose === 'from nothing' ? thrownBy(() => derivedBase(description)) : []),
  ];
}

function thrownBy(make: () => unknown): readonly AshlarError[] {
  try {
    make();
    return [];
  } catch (error) {
    if (error instanceof AshlarError) return [error];
    throw error;
  }
}

/** @throws AshlarError for all that cannot be built. */
export function refuseUnsupported(description: KiwiDescription, purpose: Purpose): void {
  const errors = refusalsOf(description, purpose);
  const [first, second] = errors;
  if (first && second) throw new AshlarErrors(`ashlar cannot build ${description.name} as it is`, errors);
  if (first) throw first;
}

/** Says what a result is without, though the description may expect it. */
export function warnOfLacks({ type }: KiwiDescription, { warn }: Pick<KiwiPlanOptions, 'warn'>): void {
  const { attributes, image, containerconfig: config } = type;
  const { selinux_policy: policy } = attributes;
  if (image === 'oem' && (config?.entrypoint ?? config?.subcommand))
    warn('a container with a disk in it gets names and labels, nothing that starts', config?.at);
  if (policy) warn('files get no SELinux labels: let the machine give them when it first starts', policy.at);
}

function refusedType({ type }: KiwiDescription): readonly AshlarError[] {
  const { image, at } = type;
  const hint = Object.hasOwn(TYPES, image) ? TYPES[image] : undefined;
  return hint === undefined
    ? []
    : [new AshlarError(`<type image="${image}">: ashlar does not build this type`, { at, hint })];
}

/** Each of their parts by itself: the first mistake must not hide the others. */
function refusedOutputs(description: KiwiDescription): readonly AshlarError[] {
  const parts = description.type.image === 'oem' ? diskOutputParts(description).flatMap(thrownBy) : [];
  return parts.length > 0 ? parts : thrownBy(() => typeOutputs(description));
}

function refusedForDisks(description: KiwiDescription): readonly AshlarError[] {
  const { type, architecture } = description;
  const { attributes, systemdisk, bootloader, at } = type;
  const errors: AshlarError[] = [];
  if (systemdisk && (systemdisk.preferLvm || textOf(attributes, 'filesystem') !== 'btrfs')) {
    errors.push(
      new AshlarError('<systemdisk>: ashlar does not make volumes of LVM', {
        at: systemdisk.at,
        hint: 'use filesystem="btrfs" without preferlvm, whose volumes are subvolumes, or <partitions>',
      }),
    );
  }
  if (bootloader && ['zipl', 'grub2_s390x_emu'].includes(bootloader.name)) {
    errors.push(
      new AshlarError(`<bootloader name="${bootloader.name}">: ashlar does not install it`, {
        at: bootloader.at,
        hint: 'there are grub2, systemd_boot and custom',
      }),
    );
  }
  if (attributes.derived_from) {
    errors.push(
      new AshlarError('derived_from: ashlar puts a disk into a container of its own', {
        at: attributes.derived_from.at,
        hint: 'leave it out: machines are started with nothing but /disk of the container',
      }),
    );
  }
  const firmware = firmwareOf(description);
  if (!['bios', 'ec2', 'efi', 'uefi'].includes(firmware)) {
    errors.push(
      new AshlarError(`support for firmware ${firmware} for arch ${architecture} not implemented`, {
        at: attributes.firmware?.at ?? at,
      }),
    );
  }
  return errors;
}

function refusedContainers({ containers }: KiwiDescription): readonly AshlarError[] {
  return containers.map(
    ({ value, at }) =>
      new AshlarError(`<container name="${value}">: ashlar does not put images of containers into images`, {
        at,
        hint: 'save it with skopeo as a file below root/, and load it in a unit or script of your own',
      }),
  );
}

function refusedRepositories(description: KiwiDescription): readonly AshlarError[] {
  return description.repositories.flatMap(repository => [
    ...thrownBy(() => repositoryAddress(repository, description)),
    ...repository.signingKeys.flatMap(key => thrownBy(() => locationOf(key, repository.at, description))),
  ]);
}
