import { describe, expect, it } from 'vitest';
import { described, describeText, head, imageOf, names, tbz } from '../support.ts';

const oem = (attributes: string, children = '') =>
  imageOf(
    `<preferences><version>1</version><type image="oem" filesystem="btrfs"${attributes}>${children}</type></preferences>`,
  );

describe('preferences', () => {
  it('come from the first section for some values, from the last for others', async () => {
    const section = (name: string, language: string, flag: boolean) =>
      `<preferences><version>${name}</version><packagemanager>${name === 'one' ? 'apt' : 'apk'}</packagemanager>
      <release-version>${name}</release-version><locale>${language}</locale><keytable>${name}</keytable>
      <timezone>${name}</timezone><rpm-check-signatures>${flag}</rpm-check-signatures>
      <rpm-excludedocs>${flag}</rpm-excludedocs><rpm-locale-filtering>${flag}</rpm-locale-filtering>
      <bootloader-theme>${name}</bootloader-theme><bootsplash-theme>${name}</bootsplash-theme>
      <showlicense>${name}</showlicense><type image="${name === 'one' ? 'tbz' : 'cpio'}"/></preferences>`;
    const text = imageOf(section('one', 'en_US', true), section('two', 'C,de_DE', false));
    const { preferences } = await describeText(text);
    expect(preferences).toMatchObject({
      version: 'one',
      packageManager: { value: 'apt' },
      releaseVersion: 'one',
      locales: { value: ['C', 'de_DE'] },
      keytable: { value: 'two' },
      timezone: { value: 'two' },
      rpmCheckSignatures: true,
      rpmExcludeDocs: true,
      rpmLocaleFiltering: true,
      bootloaderTheme: 'two',
      bootsplashTheme: 'two',
      showLicense: ['one', 'two'],
    });
  });

  it('are those of sections that have them', async () => {
    const text = imageOf(
      '<preferences><type image="tbz"/><keytable>us</keytable></preferences>',
      '<preferences><version>2</version></preferences>',
    );
    const { preferences } = await describeText(text);
    expect(preferences).toMatchObject({
      version: '2',
      packageManager: { value: 'dnf4' },
      keytable: { value: 'us' },
    });
  });

  it('need a version to build anything', async () => {
    const { preferences, refusals } = await describeText(
      imageOf('<preferences><type image="tbz"/></preferences>'),
    );
    expect(preferences.version).toBeUndefined();
    expect(refusals.map(({ text }) => text)).toEqual([
      'No version is defined in any of the <preferences> sections.',
    ]);
  });
});

describe('package lists', () => {
  const packages = (type: string, ...all: readonly string[]) =>
    `<packages type="${type}">${all.map(name => `<package name="${name}"/>`).join('')}</packages>`;

  it('are sorted, each name once, from sections of the image and of its type', async () => {
    const elements = [
      packages('image', 'zsh', 'Bash', 'bash', 'zsh'),
      packages('tbz', 'tar', 'bash'),
      packages('docker', 'skopeo'),
      packages('delete', 'b', 'a'),
      packages('uninstall', 'd', 'c'),
    ];
    const result = await described(elements.join(''));
    expect(result.remarks).toEqual([]);
    const { remarks } = await described('<packages type="systemfiles"><package name="e"/></packages>');
    expect(remarks).toMatchObject([
      { text: '<packages type="systemfiles">: the tree comes as build/image-root' },
    ]);
    expect(names(result.packages.system)).toEqual(['Bash', 'bash', 'tar', 'zsh']);
    expect(names(result.packages.delete)).toEqual(['a', 'b']);
    expect(names(result.packages.uninstall)).toEqual(['c', 'd']);
    expect(result.packages.hasBootstrap).toBe(false);
  });

  it.each([
    ['apt', 'apt'],
    ['apk', 'apk-tools'],
    ['zypper', 'zypper'],
    ['dnf4', 'dnf'],
    ['dnf5', 'dnf5'],
    ['microdnf', 'microdnf'],
    ['pacman', 'pacman'],
  ])('bootstrap %s with its package %s where anything else is installed by it', async (manager, name) => {
    const given = `<preferences><packagemanager>${manager}</packagemanager></preferences>`;
    const list = async (...sections: readonly string[]) =>
      names((await described(given + sections.join(''))).packages.bootstrap);
    expect(await list(packages('bootstrap', 'aa', 'zz'), packages('image', 'x'))).toEqual(['aa', name, 'zz']);
    expect(await list(packages('bootstrap', name, 'zz'), packages('image', 'x'))).toEqual([name, 'zz']);
    expect(await list(packages('bootstrap', 'aa'))).toEqual(['aa']);
    expect(await list(packages('bootstrap'), packages('image', 'x'))).toEqual([]);
  });

  it('hold collections, products, what is ignored, modules, archives and files', async () => {
    const { packages: lists } = await described(`
      <packages type="bootstrap"><namedCollection name="base"/><archive name="b.tar"/><file name="f"/>
        <collectionModule name="m" stream="8" enable="false"/><collectionModule name="n"/></packages>
      <packages type="image" patternType="plusRecommended"><namedCollection name="kde"/><product name="p"/>
        <ignore name="i"/><archive name="a.tar.gz" target_dir="/opt"/>
        <file name="g" target="/etc/g" owner="root:root" permissions="640"/></packages>`);
    expect(names(lists.collections)).toEqual(['kde']);
    expect(names(lists.bootstrapCollections)).toEqual(['base']);
    expect(names(lists.products)).toEqual(['p']);
    expect(names(lists.ignore)).toEqual(['i']);
    expect(lists.modules).toMatchObject([
      { name: 'm', enable: false, stream: '8' },
      { name: 'n', enable: true, stream: undefined },
    ]);
    expect(lists.archives).toMatchObject([{ name: 'a.tar.gz', targetDirectory: '/opt' }]);
    expect(names(lists.bootstrapArchives)).toEqual(['b.tar']);
    expect(lists.files).toMatchObject([
      { name: 'g', target: '/etc/g', owner: 'root:root', permissions: '640' },
    ]);
    expect(names(lists.bootstrapFiles)).toEqual(['f']);
    expect(lists.recommended).toEqual({ system: true, bootstrap: false });
    expect(lists.hasBootstrap).toBe(true);
  });
});

describe('users', () => {
  it('are the first definition of a name, with the groups of all', async () => {
    const { users } = await described(`
      <users><user name="a" password="p" groups="x:10,y" id="1000" realname="A B" shell="/bin/sh"/></users>
      <users><user name="b" password="q"/><user name="a" password="other" pwdformat="plain" home="/h" groups="y, z"/></users>`);
    expect(users).toMatchObject([
      {
        name: 'a',
        password: 'p',
        passwordFormat: undefined,
        home: undefined,
        shell: '/bin/sh',
        id: 1000,
        realName: 'A B',
        groups: ['x:10', 'y', 'z'],
      },
      { name: 'b', password: 'q', groups: [] },
    ]);
  });
});

describe('repositories', () => {
  it('have all that is written, in the order of the description', async () => {
    const { repositories } = await described(`
      <repository type="apt-deb" alias="d" priority="3" distribution="trixie" components="main contrib"
        imageinclude="true" imageonly="0" repository_gpgcheck="false" package_gpgcheck="1" customize="c.sh"
        architectures="amd64,i386" sourcetype="baseurl" username="u" password="p">
        <source path="https://example.org/debian"><signing key="file:///k1"/><signing key="file:///k2"/></source>
      </repository>
      <repository priority="-1"><source path="this://repo"/></repository>`);
    const [first, second] = repositories.map(({ at: _, ...repository }) => repository);
    expect(first).toEqual({
      type: 'apt-deb',
      alias: 'd',
      source: 'https://example.org/debian',
      signingKeys: ['file:///k1', 'file:///k2'],
      priority: 3,
      imageInclude: true,
      imageOnly: false,
      distribution: 'trixie',
      components: 'main contrib',
      repositoryGpgCheck: false,
      packageGpgCheck: true,
      customize: 'c.sh',
      architectures: 'amd64,i386',
      sourceType: 'baseurl',
      username: 'u',
      password: 'p',
    });
    expect(second).toMatchObject({
      type: undefined,
      source: 'this://repo',
      signingKeys: [],
      priority: -1,
      alias: undefined,
    });
  });
});

describe('the type', () => {
  it('has its attributes as what they are', async () => {
    const { type } = await describeText(
      oem(' primary="1" eficsm="false" efipartsize="0200" firmware="uefi"'),
    );
    const values = Object.entries(type.attributes).map(([name, { value }]) => [name, value]);
    expect(Object.fromEntries(values)).toEqual({
      image: 'oem',
      filesystem: 'btrfs',
      primary: true,
      eficsm: false,
      efipartsize: 200,
      firmware: 'uefi',
    });
    expect(type.attributes.firmware?.at).toMatchObject({ line: 2, length: 4 });
  });

  it.each([
    ['<size>512</size>', { megabytes: 512, additive: undefined, unpartitioned: 0 }],
    [
      '<size unit="G" unpartitioned="1">4</size>',
      { megabytes: 4096, additive: undefined, unpartitioned: 1024 },
    ],
    ['<size unit="M" additive="true"> 20 </size>', { megabytes: 20, additive: true, unpartitioned: 0 }],
  ])('has the size of %s in mebibytes', async (children, size) => {
    expect((await describeText(oem('', children))).type.size).toMatchObject(size);
  });

  it('has volumes, partitions, loader, first start and initrd', async () => {
    const { type } = await describeText(
      oem(
        '',
        `<systemdisk name="vg"><volume name="@root=top" size="4G"/><volume name="var" copy_on_write="false"
          mountpoint="/var" parent="/" freespace="all" label="V" quota="1G" filesystem_check="true"/>
          <volume name="other" arch="s390x"/></systemdisk>
        <partitions><partition name="data" size="2G" mountpoint="/data" filesystem="xfs" label="D" part_id="9"
          partition_name="p.data" partition_type="t.linux"/><partition name="plain" size="10"/></partitions>
        <oemconfig><oem-resize>0</oem-resize><oem-swapsize> 64 </oem-swapsize><oem-boot-title>T</oem-boot-title></oemconfig>
        <bootloader timeout="0" output_console="serial"/>
        <initrd action="add"><dracut module="a" driver="b"/><dracut module="c"/></initrd>
        <initrd action="setup"><dracut uefi="true"/></initrd>`,
      ),
    );
    expect(type.systemdisk).toMatchObject({
      name: 'vg',
      preferLvm: false,
      volumes: [
        { name: '@root=top', size: '4G', copyOnWrite: true },
        {
          name: 'var',
          copyOnWrite: false,
          mountpoint: '/var',
          freespace: 'all',
        },
      ],
    });
    expect(type.partitions).toMatchObject([
      {
        name: 'data',
        megabytes: 2048,
        mountpoint: '/data',
        filesystem: 'xfs',
        label: 'D',
        id: 9,
        partitionName: 'p.data',
        partitionType: 't.linux',
      },
      { name: 'plain', megabytes: 10, filesystem: undefined },
    ]);
    expect(type.oemconfig).toMatchObject({
      'oem-resize': { value: false },
      'oem-swapsize': { value: 64 },
      'oem-boot-title': { value: 'T' },
    });
    expect(type.bootloader).toMatchObject({
      name: 'grub2',
      attributes: { timeout: { value: 0 }, output_console: { value: 'serial' } },
    });
    expect(type.initrd).toMatchObject([
      { action: 'add', modules: ['a', 'c'], drivers: ['b'], uefi: undefined },
      { action: 'setup', modules: [], drivers: [], uefi: true },
    ]);
  });

  it('has what a container says of itself, with the author where nobody else is named', async () => {
    const container = (inside: string, attributes = '') =>
      `${head.replace('</author>', '</author><contact>a@example.org</contact>')}
      <preferences><version>1</version><type image="docker"><containerconfig${attributes}>${inside}</containerconfig></type></preferences></image>`;
    const full = await describeText(
      container(
        `<entrypoint execute="/e"><argument name="-a"/></entrypoint><subcommand clear="true"/>
        <expose><port number="80"/><port number="53/udp"/></expose><volumes><volume name="/v"/></volumes>
        <stopsignal>SIGINT</stopsignal><environment><env name="E" value="f"/><env name="G"/></environment>
        <labels><label name="l" value="m"/></labels><history author="h" created_by="c">text</history>`,
        ' name="c" tag="t" additionalnames=":u, d:v" maintainer="m" user="u" workingdir="/w"',
      ),
    );
    const { at: _, ...config } = full.type.containerconfig ?? {};
    expect(config).toMatchObject({
      name: 'c',
      tag: 't',
      additionalNames: [':u', 'd:v'],
      maintainer: 'm',
      user: 'u',
      workingDir: '/w',
      entrypoint: { execute: '/e', arguments: ['-a'], clear: false },
      subcommand: { execute: undefined, arguments: [], clear: true },
      ports: [{ value: '80' }, { value: '53/udp' }],
      volumes: ['/v'],
      stopSignal: 'SIGINT',
      environment: [
        ['E', 'f'],
        ['G', ''],
      ],
      labels: [['l', 'm']],
      history: { author: 'h', createdBy: 'c', comment: 'text' },
    });
    const bare = await describeText(container(''));
    expect(bare.type.containerconfig).toMatchObject({
      name: 'kiwi-container',
      tag: 'latest',
      maintainer: 'A <a@example.org>',
      history: { author: 'A <a@example.org>' },
      entrypoint: undefined,
    });
  });
});

describe('a description', () => {
  it('has names, drivers, what scripts strip, certificates and containers', async () => {
    const result = await describeText(
      imageOf(
        '<preferences><version>1</version><type image="tbz"/></preferences>',
        '<drivers><file name="b"/><file name="a"/></drivers>',
        '<strip type="delete"><file name="d"/></strip><strip type="tools"><file name="t"/></strip>',
        '<certificates target_distribution="debian"><certificate name="ca.crt"/></certificates>',
        '<containers source="r" backend="docker"><container name="c" tag="1" path="p" fetch_only="true"/></containers>',
      ).replace('name="n"', 'name="n" displayname="N" id="12345678"'),
    );
    expect(result).toMatchObject({
      directory: '/project',
      name: 'n',
      displayName: 'N',
      id: '12345678',
      author: 'A',
      contact: '',
      specification: 'S',
      license: undefined,
      architecture: 'x86_64',
      drivers: ['a', 'b'],
      strip: { delete: ['d'], tools: ['t'], libs: [] },
      certificates: [{ value: 'ca.crt' }],
      certificateTarget: 'debian',
      containers: [{ value: 'c' }],
    });
  });

  it('has certificates of its profiles, and drivers of all machines whatever their arch says', async () => {
    const text = imageOf(
      tbz,
      '<profiles><profile name="p" description="d"/></profiles>',
      '<certificates target_distribution="debian" profiles="p"><certificate name="ca.crt"/></certificates>',
      '<drivers><file name="a" arch="s390x"/></drivers><strip type="libs"><file name="l" arch="s390x"/></strip>',
    );
    const { certificates, certificateTarget, drivers, strip } = await describeText(text);
    expect({ certificates, certificateTarget }).toEqual({ certificates: [], certificateTarget: undefined });
    expect([drivers, strip.libs]).toEqual([['a'], ['l']]);
    const chosen = await describeText(text, { profiles: ['p'] });
    expect(chosen).toMatchObject({ certificates: [{ value: 'ca.crt' }], certificateTarget: 'debian' });
  });

  it('is stored in the newest schema, with this:// as it was, and means the same again', async () => {
    const text = oem(' btrfs_root_is_snapshot="true"', '<bootloader console="serial"/>')
      .replace('8.5', '7.5')
      .replace('</image>', '<repository><source path="this://repo"/></repository></image>');
    const first = await describeText(text);
    expect(first.xml).toContain('schemaversion="8.5"');
    expect(first.xml).toContain('this://repo');
    expect(first.xml).toContain('<bootloader output_console="serial"/>');
    const second = await describeText(first.xml);
    expect(second.xml).toBe(first.xml);
    expect(withoutPlaces(second)).toEqual(withoutPlaces(first));
  });
});

function withoutPlaces(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) => (/^(at|file)$/.test(key) ? undefined : item)),
  );
}
