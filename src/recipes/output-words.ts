/**
 * What can be made of an image, as descriptions say it: the only place that knows the words. The reader takes from here
 * what it accepts and suggests, and the JSON schemas what they tell editors.
 */
import type { DiskSpec, FileSystemType, InitrdSpec } from '../plan/outputs.ts';
import type { FormatName } from '../plan/simple-disk.ts';

/** Words, each with its meaning. */
type Words<W extends string = string> = Readonly<Record<W, string>>;

/** What a value looks like. */
export type OutputForm =
  | 'text'
  | 'flag'
  | 'size'
  | { readonly word: Words }
  /** One word, or a list of them. */
  | { readonly words: Words };

interface Key {
  readonly form: OutputForm;
  /** For people who write the file: editors show it. */
  readonly text: string;
}

export type OutputKeys = Readonly<Record<string, Key>>;

export const fileSystems: Words<FileSystemType> = {
  ext4: 'The usual one.',
  btrfs: 'With compression and snapshots.',
  xfs: 'For big files.',
  squashfs: 'Compressed and read-only.',
  erofs: 'Read-only, and quick to read.',
  ext2: 'Without a journal.',
  ext3: 'The one before ext4.',
};

export const firmwares: Words<DiskSpec['firmware']> = {
  efi: 'EFI. The default.',
  uefi: 'EFI with the chain of signed loaders of the image.',
  bios: 'BIOS.',
};

export const loaders: Words<DiskSpec['loader']> = {
  uki: 'The firmware starts a unified kernel image. The default with `efi`.',
  grub: 'GRUB. The default otherwise.',
  'systemd-boot': 'The loader of systemd.',
  none: 'Nothing is installed that starts the kernel.',
};

export const initrds: Words<InitrdSpec['kind']> = {
  found: 'The one that the image has, else one of our own. The default.',
  own: 'A small one of our own.',
  tree: 'The one that the image makes with its own program.',
};

export const formats: Words<FormatName> = {
  qcow2: 'QEMU and KVM.',
  vmdk: 'VMware.',
  vdi: 'VirtualBox.',
  vhd: 'Hyper-V, of a size that grows.',
  'vhd-fixed': 'Hyper-V and Azure.',
  vhdx: 'Hyper-V.',
  ova: 'An appliance, for VMware and VirtualBox.',
  gce: 'Google Compute Engine.',
};

export const diskKeys: OutputKeys = {
  filesystem: { form: { word: fileSystems }, text: 'The file system of the root; ext4 when not given.' },
  firmware: { form: { word: firmwares }, text: 'What starts the disk.' },
  loader: { form: { word: loaders }, text: 'What starts the kernel.' },
  legacy_boot: { form: 'flag', text: 'A machine with a BIOS starts from it, too.' },
  size: {
    form: 'size',
    text: 'The size of the disk: 4G, or +1G beyond what the content needs; 256 MiB are free when not given.',
  },
  verity: { form: 'flag', text: 'The root is read-only and checked by dm-verity.' },
  cmdline: { form: 'text', text: 'What the kernel is told, without root=; the consoles when not given.' },
  initrd: { form: { word: initrds }, text: 'Where the initrd comes from.' },
  label: { form: 'text', text: 'The label of the root file system; ROOT when not given.' },
  title: {
    form: 'text',
    text: 'The title in the menu of the boot loader; the name of the machine when not given.',
  },
  hostname: { form: 'text', text: 'The name of the machine.' },
  root_password: {
    form: 'text',
    text: 'The password of root as in /etc/shadow (openssl passwd -6). It is stored in the image with this text.',
  },
  format: { form: { words: formats }, text: 'Formats of the disk besides the raw one: a word, or a list.' },
};

export const fileSystemKeys: OutputKeys = {
  type: { form: { word: fileSystems }, text: 'Which file system.' },
  label: { form: 'text', text: 'Its label; ROOT when not given.' },
  verity: { form: 'flag', text: 'A hash tree of dm-verity follows it.' },
};

export const outputWords = {
  oci: 'The image in the OCI layout, as without `outputs`.',
  squashfs: 'The image in the OCI layout with layers that are squashfs, checked by dm-verity.',
  erofs: 'The same with layers that are erofs.',
  disk: 'A disk from which a machine starts.',
  filesystem: 'The tree as one file system.',
  tar: 'The tree as a tar archive.',
  'tar.gz': 'The tree as a compressed tar archive.',
  'tar.xz': 'The same in fewer bytes.',
  'tar.zst': 'The same, quickly.',
  cpio: 'The tree as a cpio archive, as kernels take for an initrd.',
} as const satisfies Words;

export type OutputWord = keyof typeof outputWords;

type JsonSchema = Readonly<Record<string, unknown>>;

/** A JSON Schema of the list. `orElse` adds what may stand for any value. */
export function outputsSchema(orElse: (...schemas: readonly JsonSchema[]) => JsonSchema): JsonSchema {
  const single = oneOf(outputWords, orElse);
  const disk = { anyOf: [mapOf(diskKeys, orElse), { type: 'null' }] };
  const fileSystem = {
    anyOf: [oneOf(fileSystems, orElse), { ...mapOf(fileSystemKeys, orElse), required: ['type'] }],
  };
  const properties = Object.entries(outputWords).map(([word, text]) => {
    const value = word === 'disk' ? disk : word === 'filesystem' ? fileSystem : { type: 'null' };
    return [word, { description: text, ...value }];
  });
  const entry = {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  };
  return { type: 'array', items: { anyOf: [single, entry] }, minItems: 1 };
}

function mapOf(keys: OutputKeys, orElse: (...schemas: readonly JsonSchema[]) => JsonSchema): JsonSchema {
  const properties = Object.entries(keys).map(([name, { form, text }]) => [
    name,
    { description: text, anyOf: [schemaOf(form, orElse), { type: 'null' }] },
  ]);
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}

function schemaOf(form: OutputForm, orElse: (...schemas: readonly JsonSchema[]) => JsonSchema): JsonSchema {
  if (typeof form === 'object') {
    if ('word' in form) return oneOf(form.word, orElse);
    const word = oneOf(form.words, orElse);
    return { anyOf: [word, { type: 'array', items: word }] };
  }
  switch (form) {
    case 'text':
      return { type: ['string', 'number', 'boolean'] };
    case 'flag':
      return orElse({ type: 'boolean' });
    case 'size':
      return orElse(
        { type: 'number', minimum: 0 },
        { type: 'string', pattern: '^\\+?\\d+(\\.\\d+)?\\s*([kKmMgGtT]i?)?[bB]?$' },
      );
  }
}

function oneOf(words: Words, orElse: (...schemas: readonly JsonSchema[]) => JsonSchema): JsonSchema {
  return orElse(...Object.entries(words).map(([word, text]) => ({ const: word, description: text })));
}
