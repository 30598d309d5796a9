import { describe, expect, it } from 'vitest';
import { complaints, head, hints, imageOf, shown, tbz } from '../support.ts';

const imageTypes =
  'oem, iso, docker, oci, appx, wsl, tbz, cpio, kis, pxe, enclave, btrfs, ext2, ext3, ext4, squashfs, xfs or erofs';
const packageTypes = `bootstrap, image, delete, uninstall, systemfiles, ${imageTypes}`;

const sections =
  'there are <include>, <description>, <preferences>, <profiles>, <users>, <drivers>, <strip>, <repository>, <packages>, <certificates>, <containers>, <extension>';

const type = (attributes: string, children = '') =>
  `<preferences><type image="oem" filesystem="ext4"${attributes}>${children}</type></preferences>`;

/** What one line of a description is answered: the text with the column, and the hint. */
const mistakes: readonly (readonly [line: string, complaint: string, hint?: string])[] = [
  ['<pakages type="image"/>', '2: <pakages> is not known in <image>', 'did you mean "packages"?'],
  ['<package name="a"/>', '2: <package> is not known in <image>', 'it belongs below <packages>'],
  ['<volume name="a"/>', '2: <volume> is not known in <image>', 'it belongs below <systemdisk> or <volumes>'],
  ['<zzz/>', '2: <zzz> is not known in <image>', sections],
  ['<constructor/>', '2: <constructor> is not known in <image>', sections],
  [
    '<packages type="image" toString="a"/>',
    '24: <packages> has no attribute toString',
    'there are type, profiles, arch, patternType, bootstrap_package',
  ],
  ['<packages/>', '2: <packages> needs the attribute type', `it is ${packageTypes}`],
  ['<packages typ="image"/>', '2: <packages> needs the attribute type', `it is ${packageTypes}`],
  [
    '<packages type="imag"/>',
    `17: type of <packages> is "imag", not ${packageTypes}`,
    'did you mean "image"?',
  ],
  ['<packages type="image">text</packages>', '24: <packages> cannot hold text'],
  ['<packages type="image"><package nam="a"/></packages>', '25: <package> needs the attribute name'],
  [
    '<packages type="image"><package name="a" arch="x86"/></packages>',
    '48: arch of <package> is "x86", not machines with commas between, like x86_64,aarch64',
  ],
  [
    '<packages type="image"><package name="a" arch=""/></packages>',
    '42: arch of <package> is "", not machines with commas between, like x86_64,aarch64',
  ],
  [
    '<packages type="image" profiles=" , "/>',
    '34: profiles of <packages> is " , ", not names of profiles with commas between',
  ],
  [
    '<packages type="image" patternType="plusrecommended"/>',
    '37: patternType of <packages> is "plusrecommended", not onlyRequired or plusRecommended',
    'did you mean "plusRecommended"?',
  ],
  [
    '<packages type="image"><file name="a" permissions="0999"/></packages>',
    '52: permissions of <file> is "0999", not a mode like 644',
  ],
  [
    '<packages type="image"><collectionModule name="a"/></packages>',
    '25: <collectionModule> is only for <packages type="bootstrap">',
  ],
  [
    '<packages type="bootstrap" bootstrap_package="a"/>',
    '28: bootstrap_package is only for apt, and for <packages type="bootstrap">',
  ],
  ['<users/>', '2: <users> needs <user>'],
  ['<users><user name="a"/></users>', '9: <user> needs the attribute password'],
  [
    '<users><user name="a" password="b" pwdformat="md5"/></users>',
    '47: pwdformat of <user> is "md5", not encrypted or plain',
  ],
  ['<users><user name="a" password="b" id="-1"/></users>', '40: id of <user> is "-1", not a whole number'],
  [
    '<users><user name="a" password="b" group="c"/></users>',
    '36: <user> has no attribute group',
    'did you mean "groups"?',
  ],
  ['<repository type="rpm-md"/>', '2: <repository> needs <source>'],
  [
    '<repository><source path="a"/><source path="b"/></repository>',
    '32: <source> may stand only once in <repository>',
    'the first one is in line 3',
  ],
  ['<repository><source/></repository>', '14: <source> needs the attribute path'],
  [
    '<repository type="rpm-dir"><source path="a"/></repository>',
    '19: type of <repository> is "rpm-dir", not apk, apt-deb, apt-rpm, deb-dir, mirrors or rpm-md',
  ],
  [
    '<repository type="rpm-md" architectures="amd64"><source path="a"/></repository>',
    '27: architectures is only for repositories with type="apt-deb"',
  ],
  [
    '<repository use_for_bootstrap="true"><source path="a"/></repository>',
    '13: <repository> has no attribute use_for_bootstrap',
    'since 8.2 there is no such attribute: remove it',
  ],
  [
    '<repository priority="high"><source path="a"/></repository>',
    '23: priority of <repository> is "high", not a whole number',
  ],
  [
    '<preferences><packagemanager>yum</packagemanager></preferences>',
    '30: <packagemanager> is "yum", not apk, apt, zypper, dnf4, dnf5, microdnf or pacman',
  ],
  [
    '<preferences><packagemanager></packagemanager></preferences>',
    '15: <packagemanager> is "", not apk, apt, zypper, dnf4, dnf5, microdnf or pacman',
  ],
  [
    '<preferences><locale>en_US.UTF-8</locale></preferences>',
    '22: <locale> is "en_US.UTF-8", not languages like en_US or de_DE,en_US',
  ],
  [
    '<preferences><rpm-excludedocs>yes</rpm-excludedocs></preferences>',
    '31: <rpm-excludedocs> is "yes", not true or false',
  ],
  [
    '<preferences><version>1</version><version>2</version></preferences>',
    '35: <version> may stand only once in <preferences>',
    'the first one is in line 3',
  ],
  ['<preferences><type/></preferences>', '15: <type> needs the attribute image', `it is ${imageTypes}`],
  ['<preferences><type image="vmx"/></preferences>', `27: image of <type> is "vmx", not ${imageTypes}`],
  ['<preferences><type image="oem"/></preferences>', '15: <type image="oem"> needs the attribute filesystem'],
  [
    '<preferences><type image="appx"/></preferences>',
    '15: <type image="appx"> needs the attribute metadata_path',
  ],
  [
    '<preferences><type image="docker" firmware="efi"/></preferences>',
    '35: firmware attribute is only available for the following image types: oem iso pxe',
  ],
  [
    '<preferences><type image="iso" format="qcow2"/></preferences>',
    '32: format attribute is only available for the following image types: oem',
  ],
  [
    '<preferences><type image="tbz" derived_from="obs://a"/></preferences>',
    '32: derived_from attribute is only available for the following image types: docker oci oem',
  ],
  [
    '<preferences><type image="docker" flags="overlay"/></preferences>',
    '35: flags attribute is only available for the following image types: iso',
  ],
  [type(' firmwear="uefi"'), '50: <type> has no attribute firmwear', 'did you mean "firmware"?'],
  [type(' timeout="5"'), '50: <type> has no attribute timeout', 'it belongs to <bootloader>'],
  [
    type(' vga="791"'),
    '50: <type> has no attribute vga',
    'since 8.5 there is no such attribute: remove it, or use video_mode of <bootloader>',
  ],
  [type(' efipartsize="20M"'), '63: efipartsize of <type> is "20M", not a whole number'],
  [
    type(' format="qcow"'),
    '58: format of <type> is "qcow", not gce, ova, qcow2, vagrant, vmdk, vdi, vhd, vhdx, vhd-fixed, or one of them or raw behind oci: or docker:',
  ],
  [type(' format="vagrant"'), '58: format="vagrant" needs <vagrantconfig>'],
  [
    type(' derived_from="obs://a"'),
    '50: derived_from is for oem only with a format like oci:qcow2 or docker:qcow2',
  ],
  [
    type('', '<containerconfig name="a"/>'),
    '51: <containerconfig> is for oem only with a format like oci:qcow2 or docker:qcow2',
  ],
  [type(' btrfs_quota_groups="true"'), '50: btrfs_quota_groups needs filesystem="btrfs"'],
  [
    '<preferences><type image="oem" filesystem="btrfs" btrfs_root_is_subvolume="true"><systemdisk preferlvm="true"/></type></preferences>',
    '51: btrfs_root_is_subvolume does not go together with preferlvm of <systemdisk>',
  ],
  [
    type('', '<luksformat><option name="a"/></luksformat>'),
    '51: <luksformat> needs the attribute luks of <type>',
  ],
  [type('', '<installmedia/>'), '51: <installmedia> needs installiso or installpxe of <type>'],
  [type('', '<size unit="T">1</size>'), '62: unit of <size> is "T", not M or G'],
  [type('', '<size>4G</size>'), '56: <size> is "4G", not a whole number'],
  [type('', '<size unpartitioned="5">4</size>'), '71: unpartitioned is more than the whole size'],
  [
    type('', '<oemconfig><oem-resise>true</oem-resise></oemconfig>'),
    '62: <oem-resise> is not known in <oemconfig>',
    'did you mean "oem-resize"?',
  ],
  [
    type('', '<oemconfig><oem-swap>maybe</oem-swap></oemconfig>'),
    '71: <oem-swap> is "maybe", not true or false',
  ],
  [
    type('', '<bootloader name="grub"/>'),
    '68: name of <bootloader> is "grub", not grub2, systemd_boot, zipl, grub2_s390x_emu or custom',
    'did you mean "grub2"?',
  ],
  [
    type('', '<bootloader console="serial"/>'),
    '62: <bootloader> has no attribute console',
    'since 8.4 it is output_console, and input_console where that is another',
  ],
  [
    type('', '<partitions><partition name="root" size="1"/></partitions>'),
    "79: Cannot use reserved table entry name: 'root'",
  ],
  [
    type('', '<partitions><partition name="a" size="1"/><partition name="a" size="1"/></partitions>'),
    '109: a partition a is there already',
  ],
  [
    type('', '<partitions><partition name="a" size="1T"/></partitions>'),
    '88: size of <partition> is "1T", not a size like 512M or 4G',
  ],
  [type('', '<initrd action="remove"/>'), '66: action of <initrd> is "remove", not add, omit, set or setup'],
  ['<profiles><profile name="a"/></profiles>', '12: <profile> needs the attribute description'],
  [
    '<certificates><certificate name="a"/></certificates>',
    '2: <certificates> needs the attribute target_distribution',
    'it is suse, redhat, debian or archlinux',
  ],
  [
    '<containers source="a" backend="runc"><container name="a"/></containers>',
    '33: backend of <containers> is "runc", not podman, docker or container-snap',
  ],
  [
    '<preferences><version>1/../2</version></preferences>',
    '23: <version> is "1/../2", not a version like 1.0.0',
  ],
  ['<preferences><version/></preferences>', '15: <version> is "", not a version like 1.0.0'],
  [
    '<users><user name="a&#10;b" password="p"/></users>',
    '20: name of <user> is "a\nb", not one line of text',
  ],
  [
    type('', '<partitions><partition name="a/b" size="1"/></partitions>'),
    '79: name of <partition> is "a/b", not letters, digits, and _ . -',
  ],
  ['<strip type="all"><file name="a"/></strip>', '14: type of <strip> is "all", not delete, tools or libs'],
];

describe('checkDescription', () => {
  const cases = mistakes.map(([line, complaint, hint]) => ({ line, complaint, hint }));

  it.each(cases)('answers $line', async ({ line, complaint, hint }) => {
    const text = imageOf(tbz, line);
    const said = await complaints(text);
    expect(said).toContain(`3:${complaint}`);
    expect((await hints(text))[said.indexOf(`3:${complaint}`)]).toBe(hint);
  });

  it('says all at once, in the order of the text', async () => {
    const text = imageOf(tbz, '<packages typ="image"><pakage name="a"/></packages>', '<users><usr/></users>');
    expect(await complaints(text)).toEqual([
      '3:2: <packages> needs the attribute type',
      '3:11: <packages> has no attribute typ',
      '3:24: <pakage> is not known in <packages>',
      '4:2: <users> needs <user>',
      '4:9: <usr> is not known in <users>',
      'KiwiDescriptionInvalid: Failed to validate schema and/or schematron rules. 5 errors',
    ]);
  });

  it('shows the line with a mark below what is meant', async () => {
    const text = imageOf(
      tbz,
      '<packages type="image">',
      '  <package name="a" arch="x86" opt="1"/>',
      '</packages>',
    );
    expect(await shown(text)).toBe(
      [
        'error: arch of <package> is "x86", not machines with commas between, like x86_64,aarch64',
        '  --> config.xml:4:27',
        '  4 |   <package name="a" arch="x86" opt="1"/>',
        '    |                           ^^^',
        'error: <package> has no attribute opt',
        '  --> config.xml:4:32',
        '  4 |   <package name="a" arch="x86" opt="1"/>',
        '    |                                ^^^',
        'hint: there are name, arch, bootinclude, bootdelete',
        'error: KiwiDescriptionInvalid: Failed to validate schema and/or schematron rules. 2 errors',
      ].join('\n'),
    );
  });

  it('shows where a text is not well-formed, and what is still open', async () => {
    expect(await shown(`${head}\n<packages>\n</image>`)).toBe(
      [
        'error: KiwiConfigFileFormatNotSupported: Configuration file could not be parsed. not well-formed: unexpected close tag',
        '  --> config.xml:3:8',
        '  3 | </image>',
        '    |        ^',
        'hint: <packages> of line 2 is still open',
      ].join('\n'),
    );
  });

  it('shows no more than anybody reads', async () => {
    const said = await complaints(imageOf(tbz, ...Array.from({ length: 60 }, () => '<foo/>')));
    expect(said).toHaveLength(51);
    expect(said.at(-1)).toBe(
      'KiwiDescriptionInvalid: Failed to validate schema and/or schematron rules. 60 errors, of which the first 50 are shown',
    );
  });

  it.each([
    ['<img schemaversion="8.5"/>', '1:2: the root of a description is <image>, not <img>'],
    ['<image schemaversion="8.5" name="n"/>', '1:2: <image> needs <description>'],
    ['<image schemaversion="8.5" name="n"/>', '1:2: <image> needs <preferences>'],
    [
      '<image schemaversion="8.5" name="a b"/>',
      '1:34: name of <image> is "a b", not letters, digits, and _ . -',
    ],
    ['<image schemaversion="8.5"/>', '1:2: <image> needs the attribute name'],
  ])('answers the whole text %s', async (text, complaint) => {
    expect(await complaints(text)).toContain(complaint);
  });

  it.each([
    ['any order of sections', '<users><user name="a" password="b"/></users><packages type="image"/>'],
    [
      'data of other programs',
      '<extension xmlns:a="b"><a:anything goes="here">text</a:anything></extension>',
    ],
    ['both forms of booleans', type(' primary="1" installiso="0" bootpartition="true" eficsm="false"')],
    [
      'oem disks in containers',
      type(' format="oci:qcow2" derived_from="obs://a"', '<containerconfig name="a"/>'),
    ],
    ['all ARM machines', '<packages type="image"><package name="a" arch="armv7l,armv6hl"/></packages>'],
    [
      'texts with white space around',
      '<preferences><packagemanager>\n apt \n</packagemanager></preferences>',
    ],
    ['an empty section', '<packages type="bootstrap"/>'],
  ])('accepts %s', async (_what, line) => {
    expect(await complaints(imageOf(tbz, line))).toEqual([]);
  });
});
