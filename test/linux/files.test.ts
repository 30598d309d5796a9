import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AT_FDCWD,
  chownAt,
  FileDescriptor,
  linkAt,
  mkdirAt,
  mknodAt,
  O_PATH,
  openAt,
  openBeneath,
  openIn,
  SystemCallError,
  setTimesAt,
  statusAt,
  symlinkAt,
  unlinkAt,
  unpackDevice,
} from '../../src/linux/index.ts';

let root: string;
let dir: FileDescriptor;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ashlar-linux-'));
  dir = new FileDescriptor(openAt(AT_FDCWD, root, O_PATH | constants.O_DIRECTORY));
});
afterEach(() => {
  dir[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

describe('names relative to a directory', () => {
  it('makes directories, links and symbolic links', () => {
    mkdirAt(dir.fd, 'd', 0o700);
    writeFileSync(join(root, 'd/f'), 'x');
    symlinkAt('/absolute', dir.fd, 'link');
    linkAt(dir.fd, 'd/f', dir.fd, 'hard');
    expect(readlinkSync(join(root, 'link'))).toBe('/absolute');
    expect(lstatSync(join(root, 'hard')).ino).toBe(lstatSync(join(root, 'd/f')).ino);
    unlinkAt(dir.fd, 'hard');
    expect(() => lstatSync(join(root, 'hard'))).toThrow('ENOENT');
  });

  it('keeps times to the nanosecond, also before 1970 and on a symbolic link', () => {
    symlinkAt('nowhere', dir.fd, 'link');
    for (const mtime of [1_700_000_000_123_456_789n, -1n, 0n]) {
      setTimesAt(dir.fd, 'link', { atime: 5n, mtime });
      expect(lstatSync(join(root, 'link'), { bigint: true }).mtimeNs).toBe(mtime);
    }
  });

  it('keeps names that are not UTF-8', () => {
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), 'x');
    const fd = openAt(dir.fd, name, constants.O_RDONLY);
    expect(readFileSync(fd, 'utf8')).toBe('x');
    closeSync(fd);
  });

  it.each(['/usr', '/dev/null', '/etc/passwd', '/bin'])('says of %s what Node.js says of it', path => {
    const { dev, ino, mode, nlink, uid, gid, rdev, size, blocks, mtimeNs, ctimeNs } = lstatSync(path, {
      bigint: true,
    });
    const expected = { dev, ino, mode, nlink, uid, gid, rdev, size, blocks, mtimeNs, ctimeNs };
    expect(statusAt(AT_FDCWD, path)).toEqual(expected);
  });

  it('says of a link and of what is older than 1970 what Node.js says of them', () => {
    symlinkSync('nowhere', join(root, 'link'));
    setTimesAt(dir.fd, 'link', { atime: 0n, mtime: -1_500_000_001n });
    const { ino, mode, size, mtimeNs } = lstatSync(join(root, 'link'), { bigint: true });
    expect(statusAt(dir.fd, 'link')).toMatchObject({ ino, mode, size, mtimeNs });
    expect(mtimeNs).toBe(-1_500_000_001n);
    expect(() => statusAt(dir.fd, 'none')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('refuses a name with a NUL byte instead of cutting it', () => {
    expect(() => mkdirAt(dir.fd, 'a\0b', 0o755)).toThrow(SystemCallError);
    expect(() => lstatSync(join(root, 'a'))).toThrow('ENOENT');
  });

  it('names the error and the file', () => {
    expect(() => mkdirAt(dir.fd, 'missing/d', 0o755)).toThrow(
      /^ENOENT: no such file or directory, mkdirat 'missing\/d'$/,
    );
  });
});

describe('openIn', () => {
  it('keeps absolute links and dot-dot below the root', () => {
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/passwd'), 'inside');
    symlinkSync('/etc', join(root, 'a'));
    symlinkSync('../../../../etc', join(root, 'b'));
    for (const path of ['a/passwd', 'b/passwd', '../../etc/passwd']) {
      const fd = openIn(dir.fd, path, constants.O_RDONLY);
      expect(readFileSync(fd, 'utf8')).toBe('inside');
      closeSync(fd);
    }
  });

  it('does not leave through a link into /proc', () => {
    symlinkSync('/proc/self/root', join(root, 'magic'));
    expect(() => openIn(dir.fd, 'magic/etc/passwd', constants.O_RDONLY)).toThrow('ENOENT');
  });
});

describe('openBeneath', () => {
  it('refuses links and ways out', () => {
    symlinkSync('/', join(root, 'out'));
    expect(() => openBeneath(dir.fd, 'out', constants.O_RDONLY)).toThrow('ELOOP');
    expect(() => openBeneath(dir.fd, '../x', constants.O_RDONLY)).toThrow('EXDEV');
  });
});

describe.runIf(process.getuid?.() === 0)('as root', () => {
  it('makes devices whose numbers survive, large ones too', () => {
    for (const device of [
      { major: 1, minor: 3 },
      { major: 0, minor: 0 },
      { major: 4095, minor: 1_048_575 },
    ]) {
      mknodAt(dir.fd, 'dev', constants.S_IFCHR | 0o600, device);
      expect(unpackDevice(lstatSync(join(root, 'dev'), { bigint: true }).rdev)).toEqual(device);
      unlinkAt(dir.fd, 'dev');
    }
  });

  it('changes the owner of a link, not of its target', () => {
    writeFileSync(join(root, 'f'), '');
    symlinkAt('f', dir.fd, 'link');
    chownAt(dir.fd, 'link', 33, 44);
    expect(lstatSync(join(root, 'link'))).toMatchObject({ uid: 33, gid: 44 });
    expect(lstatSync(join(root, 'f'))).toMatchObject({ uid: 0, gid: 0 });
  });
});
