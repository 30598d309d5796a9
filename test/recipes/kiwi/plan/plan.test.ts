import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../../src/plan/types.ts';
import { noPackageChoice } from '../../../../src/recipes/kiwi/plan/options.ts';
import { complaints } from '../support.ts';
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

  it('keeps the description without repositories of this machine, and with the files that it needs', async () => {
    const elements = [
      preferences(tbzType),
      '<repository alias="here"><source path="this://packages"/></repository>',
      '<repository alias="d" customize="tools/edit.sh"><source path="http://d.example"><signing key="this://keys/d.asc"/><signing key="this://../elsewhere.asc"/></source></repository>',
      '<certificates target_distribution="debian"><certificate name="ca.crt"/></certificates>',
    ];
    const files = { 'tools/edit.sh': '', 'keys/d.asc': '', 'ca.crt': '', 'packages/Packages': '' };
    const plan = await built({ elements, files });
    const { steps } = imageCalled(plan, 'n');
    const { items } = stepCalled(steps, 'copy', 'files of the description');
    expect(items.map(({ target }) => target).sort()).toEqual([
      '/image/ca.crt',
      '/image/keys/d.asc',
      '/image/tools/edit.sh',
    ]);
    const [kept] = stepCalled(steps, 'setup', 'description').changes;
    const text = kept?.kind === 'file' ? kept.text : '';
    expect(text).toContain('this://keys/d.asc');
    expect(text).not.toMatch(/this:\/\/packages|elsewhere/);
    expect(await complaints(text)).toEqual([]);
    expect(plan.warnings.filter(text => text.includes('stays on this machine'))).toEqual([
      'this://packages stays on this machine: the description in the image is without it',
      '../elsewhere.asc stays on this machine: the description in the image is without it',
    ]);
  });

  it('keeps a description in order where all certificates are elsewhere', async () => {
    const elements = [
      preferences(tbzType),
      '<certificates target_distribution="debian"><certificate name="../ca.crt"/></certificates>',
    ];
    const plan = await built({ elements });
    const [kept] = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description').changes;
    expect(await complaints(kept?.kind === 'file' ? kept.text : '')).toEqual([]);
  });

  it('keeps no passphrase in the image', async () => {
    const crypted =
      '<type image="oem" filesystem="ext4" luks="topsecret" luks_version="luks2"><luksformat><option name="a"/></luksformat></type>';
    const plan = await built({ elements: [preferences(`<type image="tbz" primary="true"/>${crypted}`)] });
    const [kept] = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description').changes;
    expect(JSON.stringify(plan)).not.toContain('topsecret');
    const text = kept?.kind === 'file' ? kept.text : '';
    expect(text).toContain('luks_version="luks2"');
    expect(await complaints(text)).toEqual([]);
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

  it('makes groups before users, and hashes what is plain the same each time', async () => {
    const users =
      '<users><user name="a" password="secret" pwdformat="plain" groups="a:500,wheel"/><user name="b" password="$1$x$y"/></users>';
    const plan = await built({ elements: [preferences(tbzType), users] });
    const again = await built({ elements: [preferences(tbzType), users] });
    const { changes } = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'system');
    expect(changes).toMatchObject([
      { kind: 'groups', groups: [{ name: 'a', gid: 500 }, { name: 'wheel' }] },
      {
        kind: 'users',
        users: [
          { name: 'a', groups: ['a', 'wheel'] },
          { name: 'b', password: '$1$x$y', groups: [] },
        ],
      },
    ]);
    expect(JSON.stringify(changes)).toMatch(/"\$6\$[^"]+"/);
    expect(JSON.stringify(changes)).not.toContain('secret');
    const same = stepCalled(imageCalled(again, 'n').steps, 'setup', 'system').changes;
    const plain = (changes: object) =>
      JSON.stringify(changes, (key, value: unknown) => (key === 'at' ? 0 : value));
    expect(plain(same)).toBe(plain(changes));
    expect(plan.warnings.join('\n')).toContain('the password of a can be read by everybody');
    expect(plan.warnings.join('\n')).toContain('the password of b is hashed with MD5');
    expect(plan.warnings.join('\n')).not.toContain('secret');
    // Nor do the description in the image, and whatever shows plans.
    expect(JSON.stringify(plan)).not.toContain('secret');
    const kept = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description').changes[0];
    const text = kept?.kind === 'file' ? kept.text : '';
    const hash = /"password":"(\$6\$[^"]+)"/.exec(JSON.stringify(changes))?.[1];
    expect(text).toContain(`<user name="a" password="${hash}" groups="a:500,wheel"/>`);
  });

  it('keeps who may read repositories out of the description in the image', async () => {
    const secret =
      '<repository alias="p" username="me" password="pass-word"><source path="http://p.example"/></repository>';
    const plan = await built({ elements: [preferences(tbzType), secret] });
    const { changes } = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description');
    expect(changes[0]).toMatchObject({ text: expect.stringContaining('<repository alias="p">') });
    expect(JSON.stringify(changes)).not.toContain('pass-word');

    const written =
      '<repository alias="q" imageinclude="true"><source path="http://me:pass%2Fword@q.example/r"><signing key="http://me:pass%2Fword@q.example/k"/></source></repository>';
    const other = await built({
      elements: [preferences(tbzType), '<packages type="image"><package name="p"/></packages>', written],
    });
    const { changes: kept, ...rest } = stepCalled(imageCalled(other, 'n').steps, 'setup', 'description');
    expect(kept[0]).toMatchObject({ text: expect.stringContaining('<signing key="http://q.example/k"/>') });
    const { steps } = imageCalled(other, 'n');
    const setup = steps.filter(({ kind }) => kind === 'setup');
    expect(JSON.stringify([kept, rest, setup])).not.toContain('word');
    expect(JSON.stringify(setup)).toContain('http://q.example/r');
    const packages = steps.find(step => step.kind === 'packages');
    expect(packages?.repositories).toMatchObject([
      { url: 'http://q.example/r', credentials: { user: 'me', password: 'pass/word' } },
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

describe('what only a result sees', () => {
  it('is changed by the script of editbootconfig, which has its own name in the tree', async () => {
    const elements = [
      preferences('<type image="oem" filesystem="ext4" firmware="efi" editbootconfig="../x/edit.sh"/>'),
    ];
    const files = { 'edit_boot_config.sh': '' };
    const last = (plan: Plan) =>
      stepCalled(imageCalled(plan, 'n result').steps, 'run', 'editbootconfig').script;
    // Nobody looks for what the description of a tree calls it.
    expect(last(await rebuilt({ elements, files }))).toContain(' /image/edit_boot_config.sh ');
    await expect(rebuilt({ elements })).rejects.toThrow(
      'Specified script edit_boot_config.sh does not exist',
    );
    await expect(built({ elements, files })).rejects.toThrow('Specified script ../x/edit.sh does not exist');

    const beside = [
      preferences('<type image="oem" filesystem="ext4" firmware="efi" editbootconfig="s/edit.sh"/>'),
    ];
    const plan = await built({ elements: beside, files: { 's/edit.sh': '' } });
    const { items } = stepCalled(imageCalled(plan, 'n').steps, 'copy', 'files of the description');
    expect(items).toMatchObject([
      { source: { path: `${plan.directory}/s/edit.sh` }, target: '/image/edit_boot_config.sh' },
    ]);
    expect(last(plan)).toContain(' /image/edit_boot_config.sh ');
  });

  it('is made on top of the system, which stays as it is', async () => {
    const type = '<type image="oem" filesystem="ext4" firmware="efi" editbootconfig="edit.sh"/>';
    const plan = await built({
      elements: [preferences(type)],
      files: {
        'pre_disk_sync.sh': '',
        'disk.sh!': '',
        'edit.sh': '',
        'exclude_files.yaml': 'exclude: [usr/share/doc/*]',
      },
    });
    const result = imageCalled(plan, 'n result');
    expect(result.base).toMatchObject({ kind: 'built', image: 'n' });
    expect(stepNames(result.steps)).toEqual([
      'identity of the disk',
      'editbootconfig',
      'pre_disk_sync.sh',
      'disk.sh',
      'cleaning',
    ]);
    const edit = stepCalled(result.steps, 'run', 'editbootconfig');
    expect(edit.script).toBe("#!/bin/sh\ncd /\nexec bash --norc /image/edit_boot_config.sh 'ext4' '3'\n");
    expect(stepCalled(result.steps, 'setup', 'identity of the disk').changes).toEqual([
      { kind: 'machine-id' },
    ]);
    const removed = stepCalled(result.steps, 'setup', 'cleaning').changes;
    for (const path of ['/image', '/.kconfig', '/.profile', '/run/*', '/tmp/*', '/usr/share/doc/*'])
      expect(removed).toContainEqual({ kind: 'remove', path });
    expect(imageCalled(plan, 'n').outputs).toMatchObject([
      { kind: 'container', format: 'layout', file: 'build/image-root', names: ['n:latest'] },
    ]);
  });

  it('is one layer of a container', async () => {
    const config =
      '<containerconfig name="c" tag="1" additionalnames=":2,other:3,more"><entrypoint execute="/bin/a"><argument name="-b"/></entrypoint><expose><port number="80"/></expose><stopsignal>SIGQUIT</stopsignal><history author="H" created_by="B">why</history></containerconfig>';
    const plan = await built({
      elements: [preferences(`<type image="docker">${config}</type>`)],
      files: { 'config.sh': '' },
    });
    const result = imageCalled(plan, 'n result');
    expect(result.base).toEqual(onStash[0]);
    expect(result.squash).toEqual({
      groups: [{ steps: result.steps.length, createdBy: 'B' }],
      without: [],
    });
    expect(result.createdBy).toBe('B');
    expect(result.config).toMatchObject({
      entrypoint: ['/bin/a', '-b'],
      ports: ['80/tcp'],
      stopSignal: 'SIGQUIT',
      author: 'A',
      history: { author: 'H', comment: 'why' },
    });
    expect(result.outputs?.[0]).toMatchObject({
      kind: 'container',
      format: 'docker',
      file: 'n.x86_64-1.2.3.docker.tar',
      names: ['c:1', 'c:2', 'other:3', 'more:1'],
    });
  });

  it.each([
    ['tbz', 'tar.xz', 'root_archive'],
    ['cpio', 'cpio', 'root_archive'],
    ['ext4', 'ext4', 'filesystem_image'],
    ['xfs', 'xfs', 'filesystem_image'],
    ['erofs', 'erofs', 'filesystem_image'],
  ])('is called as KIWI calls it: %s', async (image, suffix, role) => {
    const plan = await built({ elements: [preferences(`<type image="${image}"/>`)] });
    const outputs = imageCalled(plan, 'n result').outputs ?? [];
    expect(outputs.map(({ file, role }) => [file, role])).toEqual([
      [`n.x86_64-1.2.3.${suffix}`, role],
      ['n.x86_64-1.2.3.packages', 'image_packages'],
      ['n.x86_64-1.2.3.changes', 'image_changes'],
      ['n.x86_64-1.2.3.verified', 'image_verified'],
    ]);
  });
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
