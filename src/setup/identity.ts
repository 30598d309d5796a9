/** Language, keyboard, time zone and name of a system. */
import { readSync } from 'node:fs';
import { AshlarError } from '../support/errors.ts';
import { didYouMean } from '../support/suggest.ts';
import { fromText, isRegular } from './entries.ts';
import type { SetupTree } from './tree.ts';
import type { SetupChange } from './types.ts';

type Change<K extends SetupChange['kind']> = Extract<SetupChange, { kind: K }>;

const PLAIN = { mode: 0o644, uid: 0, gid: 0 };

export function setLocale(tree: SetupTree, { locales }: Change<'locale'>): void {
  const [first = 'POSIX'] = locales;
  const locale = locales.includes('POSIX') ? 'POSIX' : /\./.test(first) ? first : `${first}.UTF-8`;
  if (!hasLocale(tree, locale)) tree.options.warn(`locale ${locale} is not installed in the tree`);
  assign(tree, '/etc/locale.conf', 'LANG', locale);
  // Where there is this file, too, it is what logins of Debian's kind look at.
  if (tree.status('/etc/default/locale')) assign(tree, '/etc/default/locale', 'LANG', locale);
}

/** glibc knows these without any file. */
const BUILT_IN = ['POSIX', 'C', 'C.UTF-8'];

function hasLocale(tree: SetupTree, locale: string): boolean {
  if (BUILT_IN.includes(locale)) return true;
  const name = locale.replace(/\.UTF-8$/, '.utf8');
  return (
    [name, locale].some(directory => tree.status(`/usr/lib/locale/${directory}`)) ||
    archivedNames(tree).includes(`\0${name}\0`)
  );
}

/** The names of glibc's archive of locales, between NULs: the header says where they are. */
function archivedNames(tree: SetupTree): string {
  const names = tree.readFrom('/usr/lib/locale/locale-archive', fd => {
    const header = Buffer.alloc(28);
    if (readSync(fd, header, 0, header.length, 0) < header.length) return '';
    const [start, used] = [header.readUInt32LE(20), header.readUInt32LE(24)];
    const strings = Buffer.alloc(Math.min(used, 1024 ** 2));
    return strings.toString('latin1', 0, readSync(fd, strings, 0, strings.length, start));
  });
  return `\0${names ?? ''}\0`;
}

const KEYMAPS = ['/usr/share/kbd/keymaps', '/usr/share/keymaps', '/usr/lib/kbd/keymaps', '/lib/kbd/keymaps'];

export function setKeytable(tree: SetupTree, { keytable, at }: Change<'keytable'>): void {
  const name = keytable.replace(/\.map(\.gz)?$/, '');
  if (!/^[A-Za-z0-9_.+@-]+$/.test(name))
    throw new AshlarError(`${JSON.stringify(keytable)} cannot be the name of a keytable`, { at });
  if (!KEYMAPS.some(directory => hasKeymap(tree, directory, name, 4)))
    tree.options.warn(`keytable ${name} is not installed in the tree`);
  assign(tree, '/etc/vconsole.conf', 'KEYMAP', name);
}

function hasKeymap(tree: SetupTree, directory: string, name: string, depth: number): boolean {
  const names = tree.list(directory);
  if (names.some(file => [`${name}.map`, `${name}.kmap`].includes(file.replace(/\.gz$/, '')))) return true;
  return (
    depth > 0 &&
    tree.directoriesIn(directory).some(child => hasKeymap(tree, `${directory}/${child}`, name, depth - 1))
  );
}

const ZONES = '/usr/share/zoneinfo';

export function setTimezone(tree: SetupTree, { timezone, at }: Change<'timezone'>): void {
  const zone = tree.status(`${ZONES}/${fromText(timezone)}`);
  const isName = /^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/.test(timezone);
  if (!isName || (tree.status(ZONES) && !(zone && isRegular(zone))))
    throw new AshlarError(`unknown time zone ${timezone}`, { at, hint: zoneHint(tree, timezone) });
  if (!zone) tree.options.warn(`time zone ${timezone} is not installed in the tree: it has no ${ZONES}`);
  tree.link('/etc/localtime', `${ZONES}/${timezone}`);
  if (tree.status('/etc/timezone')) tree.edit('/etc/timezone', PLAIN, () => `${timezone}\n`);
}

function zoneHint(tree: SetupTree, timezone: string): string {
  const area = timezone.split('/').slice(0, -1).join('/');
  const within =
    area && /^[\w+/-]+$/.test(area) ? tree.list(`${ZONES}/${area}`).map(name => `${area}/${name}`) : [];
  const candidates = [...tree.list(ZONES), ...within];
  return didYouMean(timezone, candidates) ?? `the tree has its time zones in ${ZONES}`;
}

export function setHostname(tree: SetupTree, { hostname }: Change<'hostname'>): void {
  tree.edit('/etc/hostname', PLAIN, () => `${fromText(hostname)}\n`);
}

const MACHINE_ID = '/etc/machine-id';
const DBUS_MACHINE_ID = '/var/lib/dbus/machine-id';

/** The file stays, since a first start with a read-only root could not make it. */
export function clearMachineId(tree: SetupTree): void {
  const before = tree.read(MACHINE_ID);
  if (before === undefined) tree.write(MACHINE_ID, '', { mode: 0o444, uid: 0, gid: 0 });
  else if (!before.includes('uninitialized')) tree.edit(MACHINE_ID, PLAIN, () => '');
  // A copy would make all machines of this tree the same one.
  if ((tree.read(DBUS_MACHINE_ID) ?? '') !== '') tree.link(DBUS_MACHINE_ID, MACHINE_ID);
}

/** Sets a variable in a file of assignments; its other lines stay. */
function assign(tree: SetupTree, path: string, name: string, value: string): void {
  tree.edit(path, PLAIN, before => {
    const lines = before.split('\n').filter(line => line !== '' && !new RegExp(`^\\s*${name}=`).test(line));
    return [...lines, `${name}=${value}`, ''].join('\n');
  });
}
