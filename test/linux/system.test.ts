import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  copyFileRange,
  getXattr,
  listXattrs,
  lockFile,
  makeBlocking,
  mount,
  mountOverlay,
  pipe,
  removeXattr,
  seekData,
  seekHole,
  setPipeSize,
  setXattr,
  unmount,
} from '../../src/linux/index.ts';
import { mountByText } from '../../src/linux/mount.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ashlar-linux-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('extended attributes', () => {
  it('sets, lists in order, reads and removes', () => {
    const file = join(root, 'f');
    writeFileSync(file, '');
    setXattr(file, 'user.b', Buffer.from('2'));
    setXattr(file, 'user.a', Buffer.from([0, 255]));
    expect(listXattrs(file)).toEqual(['user.a', 'user.b']);
    expect(getXattr(file, 'user.a')).toEqual(Uint8Array.of(0, 255));
    removeXattr(file, 'user.a');
    expect(getXattr(file, 'user.a')).toBeUndefined();
  });

  it('does not follow a symbolic link', () => {
    writeFileSync(join(root, 'f'), '');
    setXattr(join(root, 'f'), 'user.a', Buffer.from('1'));
    symlinkSync('f', join(root, 'link'));
    expect(listXattrs(join(root, 'link'))).toEqual([]);
  });
});

describe('locks', () => {
  it('exclude another process that uses flock(1), until disposed', () => {
    const path = join(root, 'lock');
    const taken = () => spawnSync('flock', ['--nonblock', path, 'true']).status !== 0;
    {
      using lock = lockFile(path, { mode: 'exclusive', wait: true });
      expect(lock).toBeDefined();
      expect(taken()).toBe(true);
      expect(lockFile(path, { mode: 'shared', wait: false })).toBeUndefined();
    }
    expect(taken()).toBe(false);
  });

  it('do not follow a planted symbolic link', () => {
    symlinkSync(join(root, 'elsewhere'), join(root, 'lock'));
    expect(() => lockFile(join(root, 'lock'), { mode: 'exclusive', wait: true })).toThrow('ELOOP');
  });
});

describe('moving bytes', () => {
  it('copies inside the kernel', () => {
    writeFileSync(join(root, 'a'), 'hello');
    const [source, target] = [openSync(join(root, 'a'), 'r'), openSync(join(root, 'b'), 'w')];
    expect(copyFileRange(source, target, 0, 100)).toBe(5);
    closeSync(source);
    closeSync(target);
    expect(readFileSync(join(root, 'b'), 'utf8')).toBe('hello');
  });

  it('finds the holes of a sparse file', () => {
    const fd = openSync(join(root, 'sparse'), 'w+');
    ftruncateSync(fd, 1 << 20);
    writeSync(fd, 'x', 512 * 1024);
    expect(seekData(fd, 0)).toBe(512 * 1024);
    expect(seekHole(fd, 0)).toBe(0);
    expect(seekData(fd, 768 * 1024)).toBeUndefined();
    closeSync(fd);
  });

  it('makes pipes that can be enlarged', () => {
    const { read, write } = pipe();
    setPipeSize(write, 1 << 20);
    expect(fstatSync(read).isFIFO()).toBe(true);
    writeSync(write, 'abc');
    const bytes = Buffer.alloc(8);
    expect(bytes.toString('utf8', 0, readSync(read, bytes))).toBe('abc');
    closeSync(read);
    closeSync(write);
  });

  it('makes writing wait again after Node.js has made it not wait', () => {
    const { read, write } = pipe();
    const waits = () => {
      const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${write}`, 'utf8'))?.[1] ?? '';
      return (Number.parseInt(flags, 8) & constants.O_NONBLOCK) === 0;
    };
    const socket = new Socket({ fd: write, readable: false, writable: true });
    expect(waits()).toBe(false);
    makeBlocking(write);
    expect(waits()).toBe(true);
    socket.destroy();
    closeSync(read);
  });
});

describe.runIf(process.getuid?.() === 0)('mounts (as root)', () => {
  it('mounts and unmounts a tmpfs', () => {
    mount({ source: 'none', target: root, type: 'tmpfs', data: 'size=1m,mode=700' });
    expect(readFileSync('/proc/mounts', 'utf8')).toContain(` ${root} tmpfs`);
    unmount(root);
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(` ${root} tmpfs`);
  });

  it('mounts an overlay of 120 lower directories with long names, the last one on top', () => {
    const lowers = Array.from({ length: 120 }, (_, i) =>
      join(root, `lower-with-a-rather-long-name-${'x'.repeat(100)}:${i}`),
    );
    for (const [i, lower] of lowers.entries()) {
      mkdirSync(lower);
      writeFileSync(join(lower, 'same'), String(i));
    }
    const [upper, work, target] = ['upper', 'work', 'merged'].map(name => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const directory of [upper, work, target]) mkdirSync(directory);
    mountOverlay({ target, lowers, upper: { directory: upper, work, volatile: true } });
    try {
      expect(readFileSync(join(target, 'same'), 'utf8')).toBe('119');
      rmSync(join(target, 'same'));
      expect(lstatSync(join(upper, 'same')).isCharacterDevice()).toBe(true);
      expect(readFileSync('/proc/mounts', 'utf8')).toMatch(
        new RegExp(`${target} overlay .*userxattr.*volatile|${target} overlay .*volatile.*userxattr`),
      );
    } finally {
      unmount(target);
    }
  });

  it('mounts an overlay as older kernels want it, and says when there are too many layers for them', () => {
    const lowers = ['a,b', 'c:d', 'e\\f'].map(name => join(root, name));
    for (const [i, lower] of lowers.entries()) {
      mkdirSync(lower);
      writeFileSync(join(lower, 'same'), String(i));
    }
    const [upper, work, target] = ['up,per', 'work', 'merged'].map(name => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const directory of [upper, work, target]) mkdirSync(directory);
    mountByText({ target, lowers, upper: { directory: upper, work, volatile: true } });
    try {
      expect(readFileSync(join(target, 'same'), 'utf8')).toBe('2');
      writeFileSync(join(target, 'new'), '');
      expect(lstatSync(join(upper, 'new')).isFile()).toBe(true);
    } finally {
      unmount(target);
    }
    expect(() => mountByText({ target, lowers: Array(200).fill(join(root, 'x'.repeat(30))) })).toThrow(
      'this kernel cannot mount 200 layers at once',
    );
  });

  it('says what was wrong with an overlay', () => {
    expect(() => mountOverlay({ target: root, lowers: [join(root, 'missing')] })).toThrow(/ENOENT/);
  });
});
