import { describe, expect, it } from 'vitest';
import { refusalsOf } from '../../../../src/recipes/kiwi/plan/refusals.ts';
import { AshlarErrors } from '../../../../src/support/errors.ts';
import { built, describedIn, onStash, preferences, rebuilt } from './support.ts';

const withAll = [
  preferences(
    '<type image="oem" filesystem="ext4" bootpartition="true" bootfilesystem="fat32" firmware="ofw" format="vmdk" luks="x" editbootconfig="gone.sh"><bootloader name="zipl"/><systemdisk/><machine><vmdisk controller="floppy" diskmode="twoGbMaxExtentFlat"/></machine></type>',
  ),
  '<repository><source path="obsrepositories:/"/></repository>',
  '<repository><source path="ftps://x"><signing key="key.asc"/></source></repository>',
  '<repository imageinclude="true"><source path="this://here"/></repository>',
  '<containers source="r.example" backend="podman"><container name="c"/></containers>',
];

const ofResult = [
  'luks of <type>: encrypted roots need the device mapper',
  '<systemdisk>: ashlar does not make volumes of LVM',
  '<bootloader name="zipl">: ashlar does not install it',
  'support for firmware ofw for arch x86_64 not implemented',
  '/boot cannot be fat32',
  'diskmode of <vmdisk>: ashlar does not know twoGbMaxExtentFlat',
  'controller of <vmdisk>: ashlar does not know floppy',
  'Specified script gone.sh does not exist',
];
const ofSystem = [
  '<container name="c">: ashlar does not put images of containers into images',
  'obsrepositories:/ means the repositories of a build',
  'unknown kind of repository: ftps://x',
  'unknown kind of repository: key.asc',
  'The use of imageinclude="true" in the repository definition',
];

const beginnings = (texts: readonly string[]) => texts.map(text => expect.stringContaining(text));

describe('what is refused of a description', () => {
  it('is all of it at once, each with its place', async () => {
    const refusals = refusalsOf(await describedIn({ elements: withAll }), 'from nothing');
    expect(refusals.map(({ message }) => message)).toEqual(beginnings([...ofResult, ...ofSystem]));
    expect(refusals.map(({ at }) => at?.line)).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 6, 3, 4, 4, 5]);
  });

  it('is what its build says', async () => {
    const messages = (failed: unknown) =>
      failed instanceof AshlarErrors ? failed.errors.map(({ message }) => message) : failed;
    const fresh = await built({ elements: withAll }).catch(messages);
    expect(fresh).toEqual(beginnings([...ofResult, ...ofSystem]));
    // Nothing is fetched for it.
    const again = await rebuilt({ elements: withAll }).catch(messages);
    const renamed = ofResult.map(text => text.replace('gone.sh', 'edit_boot_config.sh'));
    expect(again).toEqual(beginnings(renamed));
  });

  it('is a base that nothing reads, where it is not built on another', async () => {
    const elements = [preferences('<type image="docker" derived_from="obs://a/b"/>')];
    const description = await describedIn({ elements });
    expect(refusalsOf(description, 'from nothing')).toMatchObject([
      { message: 'derived_from="obs://a/b": only images in registries are found' },
    ]);
    expect(refusalsOf(description, 'on a tree')).toEqual([]);
    await expect(built({ elements }, { stack: [] })).rejects.toThrow('only images in registries are found');
    await built({ elements }, { stack: onStash });
  });

  it('is a /boot that no firmware needs to read, as FAT', async () => {
    const type = '<type image="oem" filesystem="ext4" bootpartition="true" bootfilesystem="fat32"/>';
    const refusals = refusalsOf(await describedIn({ elements: [preferences(type)] }), 'from nothing');
    expect(refusals).toMatchObject([{ message: '/boot cannot be fat32', at: { line: 2 } }]);
    expect(refusals[0]?.at?.column).toBeGreaterThan(type.indexOf('bootfilesystem'));
  });

  it('is an unknown format of a disk besides', async () => {
    const type =
      '<type image="oem" filesystem="ext4" bootpartition="true" bootfilesystem="fat32" format="oci:vagrant"/>';
    const refusals = refusalsOf(await describedIn({ elements: [preferences(type)] }), 'from nothing');
    expect(refusals.map(({ message }) => message)).toEqual([
      '/boot cannot be fat32',
      'unsupported disk format vagrant',
    ]);
  });

  it.each([
    ['editbootinstall="x.sh"', '', 'editbootinstall of <type>'],
    ['root_clone="1"', '', 'root_clone of <type>'],
    ['boot_clone="1"', '', 'boot_clone of <type>'],
    ['', '<partitions><partition name="p" size="1" clone="1"/></partitions>', 'clone of <partition>'],
  ])('is what disks are not made with: %s%s', async (attributes, children, what) => {
    const type = `<type image="oem" filesystem="ext4" ${attributes}>${children}</type>`;
    const refusals = refusalsOf(await describedIn({ elements: [preferences(type)] }), 'again');
    expect(refusals.map(({ message }) => message)).toEqual([expect.stringMatching(`^${what}: `)]);
  });

  it('is a list of exclusions that is none', async () => {
    const given = { elements: [preferences('<type image="tbz"/>')], files: { 'exclude_files.yaml': '[]' } };
    expect(refusalsOf(await describedIn(given), 'again')).toMatchObject([
      { message: 'exclude_files.yaml must hold a list of patterns: exclude' },
    ]);
  });
});
