import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { SetupTree } from '../../src/setup/tree.ts';
import { at, SmallTree } from './trees.ts';

describe('the locale', () => {
  const set = (tree: SmallTree, ...locales: string[]) => tree.setUp([{ kind: 'locale', locales, at }]);

  it('is the first one in UTF-8, or POSIX where it is among them', () => {
    using tree = new SmallTree({ 'etc/locale.conf': 'LC_TIME=C\nLANG=old\n' });
    mkdirSync(tree.at('usr/lib/locale/de_DE.utf8'), { recursive: true });
    set(tree, 'de_DE', 'en_US');
    expect(tree.read('etc/locale.conf')).toBe('LC_TIME=C\nLANG=de_DE.UTF-8\n');
    set(tree, 'de_DE', 'POSIX');
    expect(tree.read('etc/locale.conf')).toBe('LC_TIME=C\nLANG=POSIX\n');
    set(tree, 'C');
    expect(tree.read('etc/locale.conf')).toBe('LC_TIME=C\nLANG=C.UTF-8\n');
    expect(tree.warnings).toEqual([]);
    expect(existsSync(tree.at('etc/default/locale'))).toBe(false);
  });

  it('is written where its data are missing, and that is said', () => {
    using tree = new SmallTree({ 'etc/default/locale': '# set by hand\n' });
    set(tree, 'fr_FR');
    expect(tree.warnings).toEqual(['locale fr_FR.UTF-8 is not installed in the tree']);
    expect(tree.read('etc/locale.conf')).toBe('LANG=fr_FR.UTF-8\n');
    expect(tree.read('etc/default/locale')).toBe('# set by hand\nLANG=fr_FR.UTF-8\n');
  });

  it('is found in an archive of locales', () => {
    using tree = new SmallTree();
    const header = Buffer.alloc(28);
    const names = Buffer.from('C.utf8\0en_US.utf8\0');
    header.writeUInt32LE(64, 20);
    header.writeUInt32LE(names.length, 24);
    const archive = Buffer.concat([header, Buffer.alloc(64 - 28), names, Buffer.from('xx_YY.utf8\0')]);
    tree.write('usr/lib/locale/locale-archive', archive.toString('latin1'));
    set(tree, 'en_US');
    expect(tree.warnings).toEqual([]);
    set(tree, 'xx_YY');
    expect(tree.warnings).toHaveLength(1);
  });
});

describe('the keytable', () => {
  it('is written, and warned of where it is not installed', () => {
    using tree = new SmallTree({
      'usr/share/keymaps/i386/qwertz/de-latin1.kmap.gz': '',
      'usr/share/kbd/keymaps/i386/qwerty/us.map.gz': '',
      'etc/vconsole.conf': 'FONT=eurlatgr\n',
    });
    tree.setUp([{ kind: 'keytable', keytable: 'us.map.gz', at }]);
    expect(tree.read('etc/vconsole.conf')).toBe('FONT=eurlatgr\nKEYMAP=us\n');
    tree.setUp([{ kind: 'keytable', keytable: 'de-latin1', at }]);
    expect(tree.warnings).toEqual([]);
    tree.setUp([{ kind: 'keytable', keytable: 'de', at }]);
    expect(tree.warnings).toEqual(['keytable de is not installed in the tree']);
    expect(tree.read('etc/vconsole.conf')).toBe('FONT=eurlatgr\nKEYMAP=de\n');
    expect(() => tree.setUp([{ kind: 'keytable', keytable: 'a\nB=1', at }])).toThrow('cannot be the name');
  });

  it('is looked for in each directory once, wherever links lead', () => {
    using tree = new SmallTree({ 'usr/share/kbd/keymaps/i386/us.map': '', 'other/de.map': '' });
    const keymaps = tree.at('usr/share/kbd/keymaps');
    for (let i = 0; i < 5; i += 1) symlinkSync('.', join(keymaps, `link${i}`));
    symlinkSync('/other', join(keymaps, 'other'));
    const list = vi.spyOn(SetupTree.prototype, 'list');
    tree.setUp([{ kind: 'keytable', keytable: 'de', at }]);
    const looked = list.mock.calls.filter(([path]) => path.startsWith('/usr/share/kbd')).length;
    list.mockRestore();
    expect(looked).toBe(2);
    expect(tree.warnings).toEqual(['keytable de is not installed in the tree']);
  });
});

describe('the time zone', () => {
  const set = (tree: SmallTree, timezone: string) => tree.setUp([{ kind: 'timezone', timezone, at }]);

  it('is a link to its data', () => {
    using tree = new SmallTree({ 'usr/share/zoneinfo/Europe/Berlin': 'TZif', 'etc/timezone': 'Etc/UTC\n' });
    symlinkSync('/usr/share/zoneinfo/Etc/UTC', tree.at('etc/localtime'));
    set(tree, 'Europe/Berlin');
    expect(readlinkSync(tree.at('etc/localtime'))).toBe('/usr/share/zoneinfo/Europe/Berlin');
    expect(tree.read('etc/timezone')).toBe('Europe/Berlin\n');
  });

  it('must be one', () => {
    using tree = new SmallTree({ 'usr/share/zoneinfo/Europe/Berlin': 'TZif' });
    expect(() => set(tree, 'Europe/Berlinn')).toThrow(
      expect.objectContaining({
        message: 'unknown time zone Europe/Berlinn',
        hint: 'did you mean "Europe/Berlin"?',
        at,
      }),
    );
    expect(() => set(tree, 'Europe')).toThrow('unknown time zone Europe');
    expect(() => set(tree, '../../../etc/hosts')).toThrow('unknown time zone');
  });

  it('cannot be judged where the tree has none', () => {
    using tree = new SmallTree();
    set(tree, 'Europe/Berlin');
    expect(tree.warnings).toEqual([
      'time zone Europe/Berlin is not installed in the tree: it has no /usr/share/zoneinfo',
    ]);
    expect(readlinkSync(tree.at('etc/localtime'))).toBe('/usr/share/zoneinfo/Europe/Berlin');
  });
});

describe('the names of a machine', () => {
  it('are the host name as given', () => {
    using tree = new SmallTree({ 'etc/hostname': 'build-host\n' });
    tree.setUp([{ kind: 'hostname', hostname: 'box' }]);
    expect(tree.read('etc/hostname')).toBe('box\n');
  });

  it.each([
    ['0123456789abcdef0123456789abcdef\n', ''],
    ['uninitialized\n', 'uninitialized\n'],
    ['', ''],
  ])('make of the machine-id %j %j', (before, after) => {
    using tree = new SmallTree({ 'etc/machine-id': before });
    tree.setUp([{ kind: 'machine-id' }]);
    expect(tree.read('etc/machine-id')).toBe(after);
  });

  it('are an empty machine-id where there is none, and no copy elsewhere', () => {
    using tree = new SmallTree({ 'var/lib/dbus/machine-id': 'fedcba\n' });
    tree.setUp([{ kind: 'machine-id' }]);
    expect(tree.read('etc/machine-id')).toBe('');
    expect(lstatSync(tree.at('etc/machine-id')).mode & 0o777).toBe(0o444);
    expect(readlinkSync(tree.at('var/lib/dbus/machine-id'))).toBe('/etc/machine-id');
  });
});
