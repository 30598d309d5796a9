import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAccount, readAccountFiles } from '../../src/sandbox/users.ts';

const files = {
  passwd: [
    '# a comment',
    'root:x:0:0:root:/root:/bin/sh',
    'app:x:1000:1500::/home/app:/bin/false',
    'app:x:2000:2500::/home/second:/bin/false',
    'homeless:x:1001:1001:::/bin/sh',
    '1002:x:1003:1003::/home/digits:/bin/sh',
    'broken:x:many:1:::',
    'short:x:5',
    '',
  ].join('\n'),
  group: [
    'root:x:0:',
    'wheel:x:10:root,app',
    'extra:x:20:app,homeless',
    'again:x:20:app',
    'main:x:1500:app',
    'bad:x:none:app',
    '',
  ].join('\n'),
};

describe('findAccount', () => {
  it.each([
    ['', { uid: 0, gid: 0, groups: [10], home: '/root' }],
    ['root', { uid: 0, gid: 0, groups: [10], home: '/root' }],
    ['app', { uid: 1000, gid: 1500, groups: [10, 20, 1500], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 1500, groups: [10, 20, 1500], home: '/home/app' }],
    ['app:wheel', { uid: 1000, gid: 10, groups: [], home: '/home/app' }],
    ['app:77', { uid: 1000, gid: 77, groups: [], home: '/home/app' }],
    ['app:', { uid: 1000, gid: 1500, groups: [10, 20, 1500], home: '/home/app' }],
    ['homeless', { uid: 1001, gid: 1001, groups: [20], home: '/' }],
    ['4242', { uid: 4242, gid: 0, groups: [], home: '/' }],
    ['4242:extra', { uid: 4242, gid: 20, groups: [], home: '/' }],
    // A number is an id, whatever somebody is called.
    ['1002', { uid: 1002, gid: 0, groups: [], home: '/' }],
  ])('knows who "%s" is', (spec, account) => {
    expect(findAccount(spec, files)).toEqual(account);
  });

  it.each([
    ['nobody', 'there is no user "nobody" in /etc/passwd of the image'],
    ['broken', 'there is no user "broken" in /etc/passwd of the image'],
    ['-1', 'there is no user "-1" in /etc/passwd of the image'],
    ['4294967295', 'there is no user "4294967295" in /etc/passwd of the image'],
    ['app:nogroup', 'there is no group "nogroup" in /etc/group of the image'],
  ])('does not know "%s"', (spec, message) => {
    expect(() => findAccount(spec, files)).toThrow(message);
  });

  it('takes numbers in a tree without account files', () => {
    const empty = { passwd: '', group: '' };
    expect(findAccount('7:8', empty)).toEqual({ uid: 7, gid: 8, groups: [], home: '/' });
    expect(() => findAccount('app', empty)).toThrow('there is no user "app"');
  });
});

describe('readAccountFiles', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ashlar-users-'));
    mkdirSync(join(root, 'etc'));
    mkdirSync(join(root, 'usr'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('follows links inside the tree only', () => {
    writeFileSync(join(root, 'usr/passwd'), 'inside');
    symlinkSync('/usr/passwd', join(root, 'etc/passwd'));
    symlinkSync('../../../../../../etc/group', join(root, 'etc/group'));
    expect(readAccountFiles(root)).toEqual({ passwd: 'inside', group: '' });
  });

  it('reads nothing that would fill the memory', () => {
    writeFileSync(join(root, 'etc/passwd'), '\n'.repeat(1024 ** 2 + 1));
    expect(() => readAccountFiles(root)).toThrow('/etc/passwd in the image is too large to be looked into');
  });

  it('reads no FIFOs and no directories, and nothing where nothing is', () => {
    expect(readAccountFiles(root)).toEqual({ passwd: '', group: '' });
    mkdirSync(join(root, 'etc/group'));
    expect(() => readAccountFiles(root)).toThrow('/etc/group in the image is not a file');
    execFileSync('mkfifo', [join(root, 'etc/passwd')]);
    expect(() => readAccountFiles(root)).toThrow('/etc/passwd in the image is not a file');
  });
});
