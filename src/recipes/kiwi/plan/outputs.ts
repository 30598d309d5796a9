/** Which files a type is handed out as. */
import type { DiskFormat, DiskOutput, Output, PackageListOutput } from '../../../plan/outputs.ts';
import { type FormatName, formatSuffixes, isFormatName } from '../../../plan/simple-disk.ts';
import { AshlarError } from '../../../support/errors.ts';
import type { KiwiAttribute, KiwiDescription, KiwiType } from '../model.ts';
import { flagOf, textOf } from './attributes.ts';
import { containerFile, containerNames } from './container.ts';
import { diskFileSystems, diskSpec, fileSystemOf, hasVerity } from './disk.ts';
import { containerName, resultStem } from './names.ts';
import { firmwareOf } from './type.ts';

/** The result itself, then lists of its packages. @throws AshlarError for what cannot be made. */
export function typeOutputs(description: KiwiDescription): readonly Output[] {
  return [resultOf(description), ...packageLists(description)];
}

/** Where the tree of the finished system is kept, as an OCI layout. */
export const IMAGE_ROOT = 'build/image-root';

export function treeOutput({ name, at }: KiwiDescription): Output {
  const names = [`${containerName(name)}:latest`];
  return {
    kind: 'container',
    format: 'layout',
    compression: 'none',
    names,
    file: IMAGE_ROOT,
    role: 'image_root',
    at,
  };
}

function resultOf(description: KiwiDescription): Output {
  const { type } = description;
  const { image, attributes, at } = type;
  const stem = resultStem(description);
  switch (image) {
    case 'oem':
      return diskOutput(description);
    case 'docker':
    case 'oci': {
      const compressed = flagOf(attributes, 'compressed') ?? false;
      return {
        kind: 'container',
        format: image,
        compression: compressed ? 'xz' : 'none',
        names: containerNames(description),
        file: containerFile(description, compressed),
        role: 'container',
        at,
      };
    }
    case 'tbz':
      return { kind: 'archive', format: 'tar.xz', file: `${stem}.tar.xz`, role: 'root_archive', at };
    case 'cpio':
      return { kind: 'archive', format: 'cpio', file: `${stem}.cpio`, role: 'root_archive', at };
    default:
      return {
        kind: 'file-system',
        fileSystem: fileSystemOf(type, image),
        ...(hasVerity(type) && { verity: true as const }),
        file: `${stem}.${image}`,
        role: 'filesystem_image',
        at,
      };
  }
}

/** What a disk is made of, each part a function that throws for what cannot be made of it alone. */
export function diskOutputParts({ type }: KiwiDescription): readonly (() => unknown)[] {
  const { written } = writtenFormat(type);
  return [
    ...diskFileSystems(type),
    ...(written === 'raw' ? [] : [() => formatOf(type, written)]),
    ...(written === 'vmdk' ? [() => diskMode(type), () => controllerOf(type)] : []),
  ];
}

/** `oci:qcow2`: the format, and a container that holds the disk in it. */
function writtenFormat({ attributes }: KiwiType): {
  readonly container: 'oci' | 'docker' | undefined;
  readonly written: string;
} {
  const asked = textOf(attributes, 'format') ?? 'raw';
  const [, container, written = asked] = /^(oci|docker):(.*)$/.exec(asked) ?? [];
  return { container: container === 'oci' || container === 'docker' ? container : undefined, written };
}

function diskOutput(description: KiwiDescription): DiskOutput {
  const { container: format, written } = writtenFormat(description.type);
  const output = diskInFormat(description, written);
  if (format === undefined) return output;
  const container = {
    format,
    disk: (output.formats[0] ?? output).file,
    names: containerNames(description),
    labels: Object.fromEntries(description.type.containerconfig?.labels ?? []),
    createdBy: `kiwi ${description.name}`,
    file: `${resultStem(description)}.${format}.tar`,
    role: 'container',
  } as const;
  return { ...output, containers: [container] };
}

function diskInFormat(description: KiwiDescription, written: string): DiskOutput {
  const { type } = description;
  const stem = resultStem(description);
  const output = {
    kind: 'disk',
    disk: diskSpec(description),
    file: `${stem}.raw`,
    role: 'disk_image',
    at: type.at,
  } as const;
  if (written === 'raw') return { ...output, formats: [] };
  const name = formatOf(type, written);
  const format = {
    format: name,
    options: [...givenOptions(type), ...formatOptions(name, description)],
    file: stem + formatSuffixes[name],
    role: 'disk_format_image',
  };
  if (name !== 'vmdk') return { ...output, formats: [format] };
  const machine = {
    format: 'vmx',
    options: [...machineOptions(description), ...startOptions(description, format.file)],
    file: `${stem}.vmx`,
    role: 'disk_format_machine_settings',
  } as const;
  return { ...output, formats: [format, machine] };
}

function formatOf({ attributes }: KiwiType, written: string): FormatName {
  if (isFormatName(written)) return written;
  throw new AshlarError(`unsupported disk format ${written}`, {
    at: attributes.format?.at,
    hint: `there are ${Object.keys(formatSuffixes).join(', ')}`,
  });
}

function givenOptions({ attributes }: KiwiType): readonly string[] {
  return (textOf(attributes, 'formatoptions') ?? '').split(',').filter(Boolean);
}

function formatOptions(format: DiskFormat['format'], description: KiwiDescription): readonly string[] {
  switch (format) {
    case 'vmdk':
      return diskOptions(description.type);
    case 'ova':
      return [...machineOptions(description), ...given({ firmware: machineFirmware(description) })];
    default:
      return [];
  }
}

/** Controllers of VMware, and what qemu-img calls the nearest that it knows. */
const CONTROLLERS: Readonly<Record<string, string>> = {
  ide: 'ide',
  buslogic: 'buslogic',
  legacyESX: 'legacyESX',
  lsilogic: 'lsilogic',
  lsisas1068: 'lsilogic',
  pvscsi: 'lsilogic',
};

/** In one file each. */
const DISK_MODES: readonly string[] = ['monolithicSparse', 'streamOptimized'];

function vmdiskOf({ machine }: KiwiType) {
  return machine?.children.find(({ name }) => name === 'vmdisk');
}

/** What a virtual machine expects of its disk. @throws AshlarError for what nobody makes. */
function diskOptions(type: KiwiType): readonly string[] {
  const controller = controllerOf(type);
  return given({
    subformat: diskMode(type),
    adapter_type: controller === undefined ? undefined : CONTROLLERS[controller],
  });
}

function diskMode(type: KiwiType): string | undefined {
  const mode = vmdiskOf(type)?.attributes.diskmode;
  return mode && oneOf(DISK_MODES, 'diskmode', mode);
}

function controllerOf(type: KiwiType): string | undefined {
  const controller = vmdiskOf(type)?.attributes.controller;
  return controller && oneOf(Object.keys(CONTROLLERS), 'controller', controller);
}

function oneOf(known: readonly string[], name: string, { value, at }: KiwiAttribute): string {
  const text = String(value);
  if (known.includes(text)) return text;
  throw new AshlarError(`${name} of <vmdisk>: ashlar does not know ${text}`, {
    at,
    hint: `there are ${known.join(', ')}`,
  });
}

/** What the machine is that the disk is for. The name becomes one of files. */
function machineOptions({ name, type }: KiwiDescription): readonly string[] {
  const attributes = type.machine?.attributes ?? {};
  return given({
    name,
    memory: textOf(attributes, 'memory'),
    cpus: textOf(attributes, 'ncpus'),
    guest: textOf(attributes, 'guestOS'),
  });
}

/** How VMware is to start the disk. */
function startOptions({ type, architecture }: KiwiDescription, disk: string): readonly string[] {
  return given({
    adapter_type: controllerOf(type),
    firmware: machineFirmware({ type, architecture }),
    disk,
  });
}

function machineFirmware(description: Pick<KiwiDescription, 'type' | 'architecture'>): 'bios' | 'efi' {
  return ['bios', 'ec2'].includes(firmwareOf(description)) ? 'bios' : 'efi';
}

function given(options: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
}

function packageLists(description: KiwiDescription): readonly PackageListOutput[] {
  const stem = resultStem(description);
  const forms = ['packages', 'changes', 'verified'] as const;
  return forms.map(form => ({
    kind: 'package-list',
    form,
    file: `${stem}.${form}`,
    role: `image_${form}`,
    at: description.type.at,
  }));
}
