import { KiwiError } from '../errors.ts';
import type {
  KiwiBootloader,
  KiwiInitrd,
  KiwiPartition,
  KiwiSize,
  KiwiSystemDisk,
  KiwiType,
  KiwiVolume,
} from '../model.ts';
import type { ElementRule } from '../schema/forms.ts';
import { typeAttributes } from '../schema/type-attributes.ts';
import { typeChildren } from '../schema/type-children.ts';
import { isTrue, typed } from '../schema/values.ts';
import { childOf, childrenOf, type XmlElement } from '../xml/tree.ts';
import { containerConfigOf } from './container.ts';
import { itemsOf, nameOf, type Selection, sectionsOf } from './selection.ts';
import {
  booleanOf,
  contentOf,
  integerOf,
  mebibytesOf,
  textOf,
  typedAttributes,
  wholeElement,
  wordOf,
} from './values.ts';

/** The types of the active sections, in the order of the description. */
export function typesOf(selection: Selection): readonly XmlElement[] {
  return sectionsOf(selection, 'preferences').flatMap(section => childrenOf(section, 'type'));
}

/**
 * The one that is asked for, or the primary one, or the first.
 * @throws KiwiError when there is none.
 */
export function selectType(selection: Selection, wanted: string | undefined): XmlElement {
  const types = typesOf(selection);
  const images = [...new Set(types.map(imageOf))];
  const applied = `[${selection.profiles.map(profile => `'${profile}'`).join(', ')}]`;
  const { at } = selection.root;
  if (wanted !== undefined) {
    const found = types.find(type => imageOf(type) === wanted);
    if (found !== undefined) return found;
    throw new KiwiError(
      'KiwiTypeNotFound',
      `Build type '${wanted}' not found for applied profiles: ${applied}`,
      { at, hint: images.length === 0 ? profileHint(selection) : `there are ${images.join(', ')}` },
    );
  }
  const chosen = types.find(type => booleanOf(type, 'primary')) ?? types[0];
  if (chosen !== undefined) return chosen;
  throw new KiwiError('KiwiTypeNotFound', `No build type defined with applied profiles: ${applied}`, {
    at,
    hint: profileHint(selection),
  });
}

export function imageOf(type: XmlElement): string {
  return textOf(type, 'image') ?? '';
}

/** The profiles that would bring a type. */
function profileHint({ root }: Selection): string | undefined {
  const sections = childrenOf(root, 'preferences').filter(section => childOf(section, 'type') !== undefined);
  const names = [...new Set(sections.flatMap(section => textOf(section, 'profiles')?.split(',') ?? []))];
  return names.length === 0 ? undefined : `choose a profile that has one: ${names.join(', ')}`;
}

/** @param author Who makes containers where the description says nothing else. */
export function resolveType(type: XmlElement, selection: Selection, author: string): KiwiType {
  const child = (name: string) => childOf(type, name);
  const containerconfig = child('containerconfig');
  const whole = (name: string) => {
    const element = child(name);
    return element && wholeElement(element, ruleOf(name));
  };
  return {
    image: imageOf(type),
    attributes: typedAttributes(type, typeAttributes),
    bootloader: bootloaderOf(child('bootloader')),
    oemconfig: oemconfigOf(child('oemconfig')),
    size: sizeOf(child('size')),
    systemdisk: systemdiskOf(child('systemdisk'), selection),
    partitions: childrenOf(type, 'partitions')
      .flatMap(list => childrenOf(list, 'partition'))
      .map(partitionOf),
    containerconfig: containerconfig && containerConfigOf(containerconfig, author),
    initrd: childrenOf(type, 'initrd').map(initrdOf),
    machine: whole('machine'),
    installmedia: whole('installmedia'),
    vagrantconfigs: childrenOf(type, 'vagrantconfig').map(element =>
      wholeElement(element, ruleOf('vagrantconfig')),
    ),
    luksformat: whole('luksformat'),
    at: type.at,
  };
}

function ruleOf(name: string): ElementRule {
  return typeChildren[name]?.[1] ?? { text: '' };
}

function bootloaderOf(element: XmlElement | undefined): KiwiBootloader | undefined {
  if (element === undefined) return undefined;
  return {
    name: textOf(element, 'name') ?? 'grub2',
    attributes: typedAttributes(element, ruleOf('bootloader').attributes),
    at: element.at,
  };
}

function oemconfigOf(element: XmlElement | undefined): KiwiType['oemconfig'] {
  const rules = ruleOf('oemconfig').children ?? {};
  const settings = element?.children.map(child => {
    const form = rules[child.name]?.[1].content ?? 'text';
    return [child.name, { value: typed(contentOf(child), form), at: child.textAt }] as const;
  });
  return Object.fromEntries(settings ?? []);
}

function sizeOf(element: XmlElement | undefined): KiwiSize | undefined {
  if (element === undefined) return undefined;
  const unit = textOf(element, 'unit') ?? 'M';
  return {
    megabytes: mebibytesOf(contentOf(element) + unit),
    additive: booleanOf(element, 'additive'),
    unpartitioned: mebibytesOf((textOf(element, 'unpartitioned') ?? '0') + unit),
    at: element.at,
  };
}

function systemdiskOf(element: XmlElement | undefined, selection: Selection): KiwiSystemDisk | undefined {
  if (element === undefined) return undefined;
  return {
    name: textOf(element, 'name'),
    preferLvm: booleanOf(element, 'preferlvm') ?? false,
    volumes: itemsOf([element], 'volume', selection).map(volumeOf),
    at: element.at,
  };
}

function volumeOf(element: XmlElement): KiwiVolume {
  return {
    name: nameOf(element),
    size: textOf(element, 'size'),
    freespace: textOf(element, 'freespace'),
    mountpoint: textOf(element, 'mountpoint'),
    copyOnWrite: booleanOf(element, 'copy_on_write') ?? true,
    at: element.at,
  };
}

function partitionOf(element: XmlElement): KiwiPartition {
  return {
    name: nameOf(element),
    megabytes: mebibytesOf(textOf(element, 'size') ?? '0'),
    partitionName: textOf(element, 'partition_name'),
    partitionType: textOf(element, 'partition_type'),
    mountpoint: textOf(element, 'mountpoint'),
    filesystem: textOf(element, 'filesystem'),
    label: textOf(element, 'label'),
    id: integerOf(element, 'part_id'),
    at: element.at,
  };
}

function initrdOf(element: XmlElement): KiwiInitrd {
  const parts = childrenOf(element, 'dracut');
  const given = (name: string) => parts.flatMap(part => textOf(part, name) ?? []);
  const uefi = given('uefi').at(-1);
  return {
    action: wordOf(element, 'action', ['add', 'omit', 'set', 'setup']) ?? 'add',
    modules: given('module'),
    drivers: given('driver'),
    uefi: uefi === undefined ? undefined : isTrue(uefi),
    at: element.at,
  };
}
