/** What elements and attributes demand of one another. */
import type { SourceSpan } from '../../../support/errors.ts';
import { attributeOf, childOf, childrenOf, type XmlAttribute, type XmlElement } from '../xml/tree.ts';
import { typeAttributes } from './type-attributes.ts';
import { isTrue } from './values.ts';
import { reservedPartitions } from './words.ts';

/** Takes a mistake and its place. */
export type Report = (message: string, at: SourceSpan, hint?: string) => void;

export function checkRules(image: XmlElement, report: Report): void {
  const preferences = childrenOf(image, 'preferences');
  for (const type of preferences.flatMap(section => childrenOf(section, 'type'))) checkType(type, report);
  const managers = preferences.flatMap(section => childrenOf(section, 'packagemanager'));
  const usesApt = managers.some(({ text }) => text.trim() === 'apt');
  for (const section of childrenOf(image, 'packages')) checkPackages(section, usesApt, report);
  for (const repository of childrenOf(image, 'repository')) {
    const architectures = attributeOf(repository, 'architectures');
    if (architectures !== undefined && attributeOf(repository, 'type')?.value !== 'apt-deb')
      report('architectures is only for repositories with type="apt-deb"', architectures.at);
  }
}

function checkType(type: XmlElement, report: Report): void {
  const image = attributeOf(type, 'image')?.value;
  const format = attributeOf(type, 'format');
  const fileSystem = attributeOf(type, 'filesystem')?.value;
  if (image === 'oem') {
    if (fileSystem === undefined) report('<type image="oem"> needs the attribute filesystem', type.at);
    checkContainerParts(type, format?.value, report);
  }
  if (image === 'appx' && attributeOf(type, 'metadata_path') === undefined)
    report('<type image="appx"> needs the attribute metadata_path', type.at);
  if (format?.value === 'vagrant' && childOf(type, 'vagrantconfig') === undefined)
    report('format="vagrant" needs <vagrantconfig>', format.valueAt);
  const luksformat = childOf(type, 'luksformat');
  if (luksformat !== undefined && attributeOf(type, 'luks') === undefined)
    report('<luksformat> needs the attribute luks of <type>', luksformat.at);
  const installmedia = childOf(type, 'installmedia');
  if (installmedia !== undefined && !isOn(type, 'installiso') && !isOn(type, 'installpxe'))
    report('<installmedia> needs installiso or installpxe of <type>', installmedia.at);
  checkBtrfs(type, fileSystem, report);
  checkPartitions(type, report);
  checkSize(type, report);
}

function checkContainerParts(type: XmlElement, format: string | undefined, report: Report): void {
  if (format !== undefined && /^(oci|docker):/.test(format)) return;
  const rest = 'is for oem only with a format like oci:qcow2 or docker:qcow2';
  const derivedFrom = attributeOf(type, 'derived_from');
  if (derivedFrom !== undefined) report(`derived_from ${rest}`, derivedFrom.at);
  const containerconfig = childOf(type, 'containerconfig');
  if (containerconfig !== undefined) report(`<containerconfig> ${rest}`, containerconfig.at);
}

function checkBtrfs(type: XmlElement, fileSystem: string | undefined, report: Report): void {
  const systemdisk = childOf(type, 'systemdisk');
  const prefersLvm = systemdisk !== undefined && isOn(systemdisk, 'preferlvm');
  for (const { name, at } of type.attributes.filter(isOfBtrfs)) {
    if (fileSystem !== 'btrfs') report(`${name} needs filesystem="btrfs"`, at);
    else if (prefersLvm) report(`${name} does not go together with preferlvm of <systemdisk>`, at);
  }
}

function isOfBtrfs({ name }: XmlAttribute): boolean {
  return name.startsWith('btrfs_') && Object.hasOwn(typeAttributes, name);
}

function checkPartitions(type: XmlElement, report: Report): void {
  const names = new Set<string>();
  for (const partition of childrenOf(type, 'partitions').flatMap(list => childrenOf(list, 'partition'))) {
    const name = attributeOf(partition, 'name');
    if (name === undefined) continue;
    if (reservedPartitions.some(reserved => reserved === name.value))
      report(`Cannot use reserved table entry name: '${name.value}'`, name.valueAt);
    else if (names.has(name.value)) report(`a partition ${name.value} is there already`, name.valueAt);
    names.add(name.value);
  }
}

function checkSize(type: XmlElement, report: Report): void {
  const size = childOf(type, 'size');
  const unpartitioned = size && attributeOf(size, 'unpartitioned');
  if (unpartitioned !== undefined && Number(unpartitioned.value) > Number(size?.text))
    report('unpartitioned is more than the whole size', unpartitioned.valueAt);
}

function checkPackages(section: XmlElement, usesApt: boolean, report: Report): void {
  const isBootstrap = attributeOf(section, 'type')?.value === 'bootstrap';
  const bootstrapPackage = attributeOf(section, 'bootstrap_package');
  if (bootstrapPackage !== undefined && !(isBootstrap && usesApt))
    report('bootstrap_package is only for apt, and for <packages type="bootstrap">', bootstrapPackage.at);
  if (isBootstrap) return;
  for (const { at } of childrenOf(section, 'collectionModule'))
    report('<collectionModule> is only for <packages type="bootstrap">', at);
}

function isOn(element: XmlElement, name: string): boolean {
  const attribute = attributeOf(element, name);
  return attribute !== undefined && isTrue(attribute.value);
}
