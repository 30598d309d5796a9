import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noPackageChoice } from '../../../../src/recipes/kiwi/plan/options.ts';
import {
  at,
  built,
  debian,
  imageCalled,
  onStash,
  preferences,
  rebuilt,
  stepCalled,
  stepNames,
  tbzType,
} from './support.ts';

const packages = (type: string, ...names: readonly string[]) =>
  `<packages type="${type}">${names.map(name => `<package name="${name}"/>`).join('')}</packages>`;

describe('the plan of a new image', () => {
  it('does everything in the order that scripts rely on', async () => {
    const plan = await built({
      elements: [
        preferences(tbzType, '<locale>en_US</locale><timezone>UTC</timezone>'),
        debian,
        packages('bootstrap', 'base'),
        '<packages type="image"><package name="vim"/><archive name="a.tar.gz"/><file name="motd" target="/etc/"/></packages>',
        packages('uninstall', 'doc'),
        packages('delete', 'man'),
        '<users><user name="u" password="$6$x" groups="u:500"/></users>',
        '<certificates target_distribution="debian"><certificate name="ca.crt"/></certificates>',
      ],
      files: {
        'post_bootstrap.sh': '',
        'config.sh': '',
        'images.sh': '',
        'disk.sh': '',
        'a.tar.gz': '',
        motd: '',
        'ca.crt': '',
        'root/etc/issue': '',
      },
    });
    expect(stepNames(imageCalled(plan, 'n').steps)).toEqual([
      'base',
      'bootstrap',
      'functions for scripts',
      'post_bootstrap.sh',
      'post_bootstrap.sh',
      'certificates',
      'update-ca-certificates',
      'packages',
      'archives',
      'description',
      'files of the description',
      'overlay',
      'system',
      'files',
      'config.sh',
      'removal of packages',
      'images.sh',
    ]);
    expect(stepNames(imageCalled(plan, 'n result').steps)).toEqual(['cleaning']);
  });

  it('does not install packages anew because a user has changed', async () => {
    const user = (password: string) => `<users><user name="u" password="${password}"/></users>`;
    const stepsBefore = async (password: string) => {
      const plan = await built({
        elements: [preferences(tbzType), debian, packages('image', 'vim'), user(password)],
        files: { 'config.sh': '' },
      });
      const { steps } = imageCalled(plan, 'n');
      return JSON.stringify(steps.slice(0, stepNames(steps).indexOf('packages') + 1)).replaceAll(
        plan.directory,
        '',
      );
    };
    expect(await stepsBefore('$6$a$b')).toBe((await stepsBefore('$6$other')).replaceAll('$6$other', ''));
  });

  it('removes the description that is in the stash before anything else, so that nothing of it runs', async () => {
    const plan = await built({ elements: [preferences(tbzType)] });
    const { steps } = imageCalled(plan, 'n');
    expect(steps[0]).toMatchObject({
      kind: 'setup',
      changes: expect.arrayContaining([
        { kind: 'remove', path: '/image' },
        { kind: 'remove', path: '/.kconfig' },
        { kind: 'remove', path: '/.profile' },
      ]),
    });
    expect(steps.filter(({ kind }) => kind === 'run')).toEqual([]);
  });

  it('runs a script as a program where it is one, and else with bash, in an environment of its own', async () => {
    const plan = await built(
      {
        elements: [preferences(tbzType)],
        files: { 'config.sh!': '#!/bin/sh\n', 'images.sh': 'true\n' },
      },
      { environment: { MINE: 'x' } },
    );
    const { steps } = imageCalled(plan, 'n');
    const config = stepCalled(steps, 'run', 'config.sh');
    expect(config.script).toBe("#!/bin/sh\ncd /\nexec '/image/config.sh'\n");
    expect(config.failure).toBe('config.sh failed with');
    expect(stepCalled(steps, 'run', 'images.sh').script).toBe(
      "#!/bin/sh\ncd /\nexec bash '/image/images.sh'\n",
    );
    const { environment, binds } = config.surroundings;
    expect(environment.passThrough).toEqual([]);
    expect(binds).toEqual([]);
    expect(environment.set).toMatchObject({
      HOME: '/root',
      LANG: 'C',
      MINE: 'x',
      kiwi_iname: 'n',
      kiwi_type: 'tbz',
    });
  });

  it('takes overlays in their order, as root, through links of the tree', async () => {
    const plan = await built({
      elements: [
        '<profiles><profile name="b" description="b"/><profile name="a" description="a"/></profiles>',
        preferences(tbzType),
      ],
      files: { 'root/x': '', 'root.tar.gz': '', 'a/x': '', 'b/x': '' },
      choice: { profiles: ['b', 'a'] },
    });
    const overlay = stepCalled(imageCalled(plan, 'n').steps, 'copy', 'overlay');
    const source = (name: string) => ({
      source: expect.objectContaining({ path: join(plan.directory, name), directory: true }),
      target: '/',
      keep: 'all',
      uid: 0,
      gid: 0,
      throughLinks: true,
    });
    expect(overlay.items).toMatchObject([source('root'), source('b'), source('a')]);
  });

  it('unpacks root.tar.gz where there is no root', async () => {
    const plan = await built({ elements: [preferences(tbzType)], files: { 'root.tar.gz': '' } });
    const overlay = stepCalled(imageCalled(plan, 'n').steps, 'copy', 'overlay');
    expect(overlay.items).toMatchObject([{ target: '/', extract: true, throughLinks: true }]);
  });

  it('makes the system that packages are bootstrapped into only from nothing', async () => {
    const elements = [preferences(tbzType), debian, packages('bootstrap', 'base'), packages('image', 'vim')];
    const bootstrapOf = async (stack: typeof onStash) =>
      stepCalled(imageCalled(await built({ elements }, { stack }), 'n').steps, 'packages', 'bootstrap')
        .bootstrap;
    expect(await bootstrapOf(onStash)).toBe(false);
    expect(await bootstrapOf([])).toBe(true);
    const without = built(
      { elements: [preferences(tbzType), debian, packages('image', 'vim')] },
      { stack: [] },
    );
    await expect(without).rejects.toThrow('there is nothing that apt could install packages into');
  });

  it('says that there is no bootstrap section, and wants repositories only for packages', async () => {
    const plan = await built({ elements: [preferences(tbzType)] });
    expect(plan.warnings).toEqual(['No <packages> sections marked as "bootstrap" found']);
    const lacking = built({ elements: [preferences(tbzType), packages('image', 'vim')] });
    await expect(lacking).rejects.toThrow('No repositories configured');
    const missing = '<repository alias="m"><source path="this://missing"/></repository>';
    const skipped = built({ elements: [preferences(tbzType), missing, packages('image', 'vim')] });
    await expect(skipped).rejects.toMatchObject({
      message: 'No repositories configured',
      hint: 'this://missing does not exist: make it, or say another with --set-repo',
    });
  });

  it('installs and removes what the command line adds after the rest', async () => {
    const plan = await built(
      { elements: [preferences(tbzType), debian, packages('image', 'vim')] },
      { packages: { ...noPackageChoice, install: ['more'], delete: ['less'] } },
    );
    const { steps } = imageCalled(plan, 'n');
    const names = stepNames(steps);
    expect(names.indexOf('packages of the command line')).toBe(names.indexOf('packages') + 1);
    expect(stepCalled(steps, 'packages', 'packages of the command line')).toMatchObject({
      install: ['more'],
      delete: ['less'],
    });
  });

  it('records what it is built on', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const stash = { kind: 'image', reference: `oci:/s@${digest}`, insecure: false, at } as const;
    const plan = await built({ elements: [preferences(tbzType)] }, { stack: [stash, stash] });
    expect(imageCalled(plan, 'n').annotations).toEqual({ 'dev.ashlar.system.stack': `${digest} ${digest}` });
  });

  it('gives files their owner and mode', async () => {
    const plan = await built({
      elements: [
        preferences(tbzType),
        '<packages type="image"><file name="a.conf" target="/etc/a.conf" owner="bin:bin" permissions="4755"/></packages>',
      ],
      files: { 'a.conf': '' },
    });
    const { steps } = imageCalled(plan, 'n');
    expect(stepCalled(steps, 'copy', 'files').items).toMatchObject([{ target: '/etc/a.conf', mode: 0o4755 }]);
    expect(stepCalled(steps, 'setup', 'owners of files').changes).toEqual([
      { kind: 'owner', path: '/etc/a.conf', owner: 'bin:bin', mode: 0o4755 },
    ]);
  });

  it('writes repositories that the image is to know, and no local ones', async () => {
    const repository = (path: string, more: string) =>
      `<repository type="apt-deb" alias="r" ${more}><source path="${path}"/></repository>`;
    const plan = await built({
      elements: [
        preferences(tbzType),
        repository(
          'http://d.example/debian',
          'imageinclude="true" distribution="bookworm" components="main contrib" repository_gpgcheck="false"',
        ),
      ],
    });
    expect(stepCalled(imageCalled(plan, 'n').steps, 'setup', 'repositories').changes).toEqual([
      {
        kind: 'file',
        path: '/etc/apt/sources.list.d/r.sources',
        mode: 0o644,
        text: 'Types: deb\nURIs: http://d.example/debian\nSuites: bookworm\nComponents: main contrib\nTrusted: yes\nCheck-Valid-Until: no\n',
      },
    ]);
    const local = built({
      elements: [preferences(tbzType), repository('this://repo', 'imageinclude="true"')],
    });
    await expect(local).rejects.toThrow('The use of imageinclude="true" in the repository definition');
  });
});

describe('the plan of a rebuild', () => {
  const elements = [
    preferences(tbzType),
    debian,
    packages('image', 'vim'),
    '<users><user name="u" password="$6$x"/></users>',
  ];
  const files = { 'config.sh': '', 'images.sh': '' };

  it('runs images.sh and nothing that would need anything from elsewhere', async () => {
    const plan = await rebuilt({ elements, files });
    expect(plan.images.map(({ name }) => name)).toEqual(['n', 'n result']);
    expect(stepNames(imageCalled(plan, 'n').steps)).toEqual(['functions for scripts', 'images.sh']);
    expect(imageCalled(plan, 'n').base).toEqual(onStash[0]);
  });

  it('takes the description of the last of several stashes as a whole', async () => {
    const stash = (name: string) =>
      ({ kind: 'image', reference: `oci:/${name}:latest`, insecure: false, at }) as const;
    const plan = await rebuilt({ elements, files }, { stack: [stash('a'), stash('b')] });
    const system = imageCalled(plan, 'n');
    expect(system.base).toMatchObject({
      kind: 'stack',
      parts: [stash('a'), { kind: 'built', image: 'n description' }],
      conflicts: { policy: 'warn' },
    });
    expect(imageCalled(plan, 'n description').base).toEqual(stash('b'));
    expect(stepNames(system.steps).slice(0, 2)).toEqual(['base', 'description']);
    expect(stepCalled(system.steps, 'copy', 'description').items).toMatchObject([
      { source: { kind: 'image', image: 'n description', path: '/image' }, target: '/image' },
    ]);
  });
});

it('copies a file to each place where it is wanted', async () => {
  const files =
    '<file name="motd" target="/etc/motd"/><file name="motd" target="/etc/issue" permissions="600"/>';
  const plan = await built({
    elements: [preferences(tbzType), `<packages type="image">${files}</packages>`],
    files: { motd: '' },
  });
  expect(stepCalled(imageCalled(plan, 'n').steps, 'copy', 'files').items).toMatchObject([
    { target: '/etc/motd' },
    { target: '/etc/issue', mode: 0o600 },
  ]);
});

describe('what cannot be built', () => {
  it.each([
    ['<type image="iso" volid="x"/>', '<type image="iso">: ashlar does not build this type'],
    [
      '<type image="oem" filesystem="xfs"><systemdisk><volume name="home"/></systemdisk></type>',
      '<systemdisk>: ashlar does not make volumes of LVM',
    ],
    [
      '<type image="oem" filesystem="ext4" firmware="ofw"/>',
      'support for firmware ofw for arch x86_64 not implemented',
    ],
    ['<type image="oem" filesystem="ext4" editbootconfig="no.sh"/>', 'Specified script no.sh does not exist'],
  ])('is said with its place: %s', async (type, message) => {
    await expect(built({ elements: [preferences(type)] })).rejects.toMatchObject({
      message,
      at: expect.objectContaining({ line: 2 }),
    });
  });

  it('is said of all at once', async () => {
    const type = '<type image="oem" filesystem="ext4" firmware="ofw"><systemdisk preferlvm="true"/></type>';
    await expect(built({ elements: [preferences(type)] })).rejects.toThrow('ashlar cannot build n as it is');
  });
});
