import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, lstatSync, readlinkSync, symlinkSync, utimesSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { UserSetup } from '../../src/setup/index.ts';
import { accounts, at, root, SmallTree } from './trees.ts';

const user = (name: string, rest: Partial<UserSetup> = {}) =>
  ({ kind: 'users', users: [{ name, groups: [], at, ...rest }] }) as const;

describe('groups', () => {
  it('are made with the next id or the given one, and keep the one that they have', () => {
    using tree = new SmallTree(accounts);
    const groups = [
      { name: 'plain', at },
      { name: 'given', gid: 1500, at },
      { name: 'after', at },
      { name: 'sudo', gid: 4000, at },
    ];
    tree.setUp([{ kind: 'groups', groups }]);
    expect(tree.read('etc/group')).toBe(
      `${accounts['etc/group']}plain:x:1000:\ngiven:x:1500:\nafter:x:1501:\n`,
    );
    expect(tree.read('etc/gshadow')).toBe(`${accounts['etc/gshadow']}plain:!::\ngiven:!::\nafter:!::\n`);
  });

  it('do not take the id of another group', () => {
    using tree = new SmallTree(accounts);
    expect(() => tree.setUp([{ kind: 'groups', groups: [{ name: 'mine', gid: 27, at }] }])).toThrow(
      expect.objectContaining({ message: 'the group mine cannot have the id 27: that of sudo', at }),
    );
  });

  it('come before what is looked up elsewhere, and lines that nobody understands stay', () => {
    const group = '# comment\nroot:x:0:\nbroken\n\nsudo:x:27\n+::::\n';
    using tree = new SmallTree({ ...accounts, 'etc/group': group });
    tree.setUp([{ kind: 'groups', groups: [{ name: 'new', at }] }]);
    expect(tree.read('etc/group')).toBe('# comment\nroot:x:0:\nbroken\n\nsudo:x:27\nnew:x:1000:\n+::::\n');
  });
});

describe('a new user', () => {
  it('has a group of its own, a home out of the skeleton, and a locked password', () => {
    using tree = new SmallTree(accounts);
    symlinkSync('.profile', tree.at('etc/skel/.bashrc'));
    chmodSync(tree.at('etc/skel/.profile'), 0o640);
    tree.setUp([user('ann')]);
    expect(tree.read('etc/passwd')).toBe(`${accounts['etc/passwd']}ann:x:1000:1000::/home/ann:/bin/sh\n`);
    expect(tree.read('etc/shadow')).toBe(`${accounts['etc/shadow']}ann:!::0:99999:7:::\n`);
    expect(tree.read('etc/group')).toBe(`${accounts['etc/group']}ann:x:1000:\n`);
    expect(lstatSync(tree.at('home/ann')).mode & 0o7777).toBe(0o750);
    expect(lstatSync(tree.at('home/ann')).mtimeMs).toBe(1_000_000_000);
    expect(lstatSync(tree.at('home/ann/.profile')).mode & 0o7777).toBe(0o640);
    expect(tree.read('home/ann/.profile')).toBe('umask 022\n');
    expect(readlinkSync(tree.at('home/ann/.bashrc'))).toBe('.profile');
  });

  it.each(['/home', '/', '../home/.'])('has no home in its own home where the skeleton is %s', skeleton => {
    using tree = new SmallTree({ ...accounts, 'etc/default/useradd': `SKEL=${skeleton}\n`, 'home/x': 'x' });
    tree.setUp([user('ann')]);
    expect(existsSync(tree.at(skeleton === '/' ? 'home/ann/home/x' : 'home/ann/x'))).toBe(true);
    expect([tree.at('home/ann/ann'), tree.at('home/ann/home/ann')].filter(existsSync)).toEqual([]);
  });

  it('has what it is given', () => {
    using tree = new SmallTree(accounts);
    const given = { password: '$6$s$h', home: '/srv/b', shell: '/bin/zsh', uid: 1234, realName: 'Bö B' };
    tree.setUp([user('bob', { ...given, groups: ['staff:600', 'sudo', 'users:7'] })], {
      passwordDay: 20_000,
    });
    expect(tree.read('etc/passwd')).toContain('\nbob:x:1234:600:Bö B:/srv/b:/bin/zsh\n');
    expect(tree.read('etc/shadow')).toContain('\nbob:$6$s$h:20000:0:99999:7:::\n');
    expect(tree.read('etc/group')).toBe(
      'root:x:0:\ndaemon:x:1:\nsudo:x:27:bob\nusers:x:100:bob\nstaff:x:600:\n',
    );
    expect(tree.read('etc/gshadow')).toContain('\nsudo:*::bob\n');
    expect(existsSync(tree.at('srv/b/.profile'))).toBe(true);
  });

  it('gets subordinate ids behind those of others, where the tree has a file of them', () => {
    using tree = new SmallTree({ ...accounts, 'etc/subuid': 'old:100000:65536\n' });
    tree.setUp([user('ann'), user('bob')]);
    expect(tree.read('etc/subuid')).toBe('old:100000:65536\nann:165536:65536\nbob:231072:65536\n');
    expect(existsSync(tree.at('etc/subgid'))).toBe(false);
  });

  it('keeps what is in its home already, without a skeleton', () => {
    using tree = new SmallTree({ ...accounts, 'home/ann/.ssh/authorized_keys': 'key\n' });
    tree.setUp([user('ann', { uid: 1000 })]);
    expect(existsSync(tree.at('home/ann/.profile'))).toBe(false);
    expect(tree.read('home/ann/.ssh/authorized_keys')).toBe('key\n');
  });

  it.runIf(root)('owns its home and all that is in it, but no system', () => {
    using tree = new SmallTree({ ...accounts, 'home/ann/.ssh/authorized_keys': 'key\n' });
    symlinkSync('/etc/hosts', tree.at('home/ann/link'));
    chmodSync(tree.at('home/ann/.ssh/authorized_keys'), 0o4711);
    tree.setUp([user('ann'), user('all', { home: '/' })]);
    for (const path of ['home/ann', 'home/ann/.ssh', 'home/ann/.ssh/authorized_keys', 'home/ann/link'])
      expect(lstatSync(tree.at(path))).toMatchObject({ uid: 1000, gid: 1000 });
    expect(lstatSync(tree.at('etc/hosts')).uid).toBe(0);
    expect(lstatSync(tree.path).uid).toBe(0);
  });

  it('is refused with the id of another, a name that breaks lines, and with no home', () => {
    using tree = new SmallTree(accounts);
    const refused = (setup: ReturnType<typeof user>) => expect(() => tree.setUp([setup]));
    refused(user('bob', { uid: 1 })).toThrow('the user bob cannot have the id 1: that of daemon');
    refused(user('a:b')).toThrow('"a:b" cannot be the name of a user');
    refused(user('bob', { groups: ['x\ny'] })).toThrow('cannot be the name of a group');
    refused(user('bob', { groups: ['x:y'] })).toThrow('"x:y" is no group: its id is to be a number');
    refused(user('bob', { realName: 'a:b' })).toThrow('the real name of the user bob has a character');
    refused(user('bob', { home: 'home' })).toThrow('the home of the user bob is no absolute path');
    expect(tree.read('etc/passwd')).toBe(accounts['etc/passwd']);
  });

  it('can be the first of a tree', () => {
    using tree = new SmallTree();
    tree.setUp([user('root', { uid: 0, groups: ['root:0'], home: '/root', password: '' })]);
    expect(tree.read('etc/passwd')).toBe('root:x:0:0::/root:/bin/sh\n');
    expect(tree.read('etc/shadow')).toBe('root::::::::\n');
    expect(lstatSync(tree.at('etc/shadow')).mode & 0o777).toBe(0o600);
    expect(existsSync(tree.at('etc/gshadow'))).toBe(false);
  });

  // The prefix keeps useradd from entering the tree; only root may use it.
  it.runIf(root && existsSync('/usr/sbin/useradd'))('is what useradd makes', () => {
    using ours = new SmallTree({ ...accounts, 'etc/subuid': '', 'etc/subgid': '' });
    using theirs = new SmallTree();
    cpSync(ours.path, theirs.path, { recursive: true });
    const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, ['-P', theirs.path, ...args], { env });
    run('groupadd', '-g', '600', 'staff');
    run(
      'useradd',
      '-p',
      '$6$s$h',
      '-s',
      '/bin/zsh',
      '-g',
      'staff',
      '-G',
      'sudo,users',
      '-c',
      'Bob',
      '-m',
      'bob',
    );
    run('useradd', '-p', '!', '-m', '-u', '1500', 'ann');
    run('usermod', '-g', 'users', '-G', 'daemon', '-s', '/bin/false', 'bob');
    ours.setUp(
      [
        { kind: 'groups', groups: [{ name: 'staff', gid: 600, at }] },
        user('bob', {
          password: '$6$s$h',
          shell: '/bin/zsh',
          groups: ['staff', 'sudo', 'users'],
          realName: 'Bob',
        }),
        user('ann', { uid: 1500 }),
        user('bob', { groups: ['users', 'daemon'], shell: '/bin/false' }),
      ],
      { passwordDay: Math.floor(1_700_000_000 / 86_400) },
    );
    for (const path of ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'].map(
      file => `etc/${file}`,
    ))
      expect(ours.read(path), path).toBe(theirs.read(path));
    for (const path of ['home/bob', 'home/bob/.profile', 'home/ann']) {
      const { uid, gid, mode } = lstatSync(theirs.at(path));
      expect(lstatSync(ours.at(path)), path).toMatchObject({ uid, gid, mode });
    }
  });
});

describe('a user that is there', () => {
  it('is changed in what is given, and stays as it is otherwise', () => {
    using tree = new SmallTree(accounts);
    utimesSync(tree.at('etc/shadow'), 5, 5);
    const before = lstatSync(tree.at('etc/passwd'));
    tree.setUp([user('root', { password: '$6$new' })], { passwordDay: 20_000 });
    expect(tree.read('etc/shadow')).toBe('root:$6$new:20000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n');
    expect(lstatSync(tree.at('etc/shadow')).mtimeMs).toBe(5000);
    expect(lstatSync(tree.at('etc/passwd')).ctimeMs).toBe(before.ctimeMs);
    expect(existsSync(tree.at('root'))).toBe(false);
    tree.setUp([user('root', { shell: '/bin/zsh', home: '/r', groups: ['sudo'] })]);
    expect(tree.read('etc/passwd')).toContain('root:x:0:27:root:/r:/bin/zsh\n');
    expect(existsSync(tree.at('r'))).toBe(false);
  });

  it('gets its password into shadow, also when it was in passwd', () => {
    using tree = new SmallTree({ 'etc/passwd': 'old:secret:1000:1000::/home/old:/bin/sh\n' });
    tree.setUp([user('old', { password: '$6$h' })]);
    expect(tree.read('etc/passwd')).toBe('old:x:1000:1000::/home/old:/bin/sh\n');
    expect(tree.read('etc/shadow')).toBe('old:$6$h:::::::\n');
  });

  it('leaves groups that it is no longer given, where it is given any', () => {
    using tree = new SmallTree({
      ...accounts,
      'etc/group': 'root:x:0:\nsudo:x:27:a,daemon,b\nusers:x:100:\n',
    });
    tree.setUp([user('daemon', { groups: ['root'] })]);
    expect(tree.read('etc/group')).toContain('sudo:x:27:a,daemon,b\n');
    tree.setUp([user('daemon', { groups: ['root', 'users'] })]);
    expect(tree.read('etc/group')).toBe('root:x:0:\nsudo:x:27:a,b\nusers:x:100:daemon\n');
  });

  it.runIf(root)('takes its files along to a new id', () => {
    using tree = new SmallTree(accounts);
    tree.setUp([user('ann'), user('ann', { uid: 2000 })]);
    expect(lstatSync(tree.at('home/ann/.profile'))).toMatchObject({ uid: 2000, gid: 1000 });
  });
});

it('keeps bytes of account files that are no text', () => {
  using tree = new SmallTree(accounts);
  const line = Buffer.from('latin:x:500:500:J\xfcrgen:/:/bin/sh\n', 'latin1');
  tree.write('etc/passwd', line.toString('latin1'));
  execFileSync('sh', ['-c', `printf 'latin:x:500:500:J\\374rgen:/:/bin/sh\\n' > ${tree.at('etc/passwd')}`]);
  tree.setUp([user('ann')]);
  const bytes = execFileSync('cat', [tree.at('etc/passwd')]);
  expect(bytes.subarray(0, line.length)).toEqual(line);
});
