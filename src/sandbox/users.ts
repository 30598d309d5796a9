/**
 * Users of a tree by its own account files, as container engines understand them: a name or number, with or without a
 * group; who gives no group has the supplementary groups of the user.
 */
import { closeSync, constants, fstatSync, readFileSync } from 'node:fs';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openIn } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';

/** A user as the kernel knows it. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Absolute. */
  readonly home: string;
}

/** The contents of passwd(5) and group(5); empty where there is no such file. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

/** As of ids: the kernel has one that is larger, but it means nobody. */
const HIGHEST = 2 ** 31 - 1;

/** Bytes; strangers choose what is in account files, and lines of one byte take seventy times that in memory. */
const LARGEST = 1024 ** 2;

/**
 * Who `spec` is: `name`, `1000`, `name:group`, `1000:1000`; empty is uid 0.
 * @throws AshlarError when the files do not know the name of the user or group.
 */
export function findAccount(spec: string, { passwd, group }: AccountFiles): Account {
  const [wanted = '', wantedGroup = ''] = spec.split(':');
  const users = recordsOf(passwd, 7);
  const id = wanted === '' ? 0 : idOf(wanted);
  const user = users.find(([name, , uid]) => (id === undefined ? name === wanted : Number(uid) === id));
  const uid = user ? idOf(user[2] ?? '') : id;
  if (uid === undefined) throw unknown('user', wanted, 'passwd', users);
  const home = user?.[5]?.startsWith('/') ? user[5] : '/';
  const groups = recordsOf(group, 4);
  if (wantedGroup !== '') {
    const gid = groupId(wantedGroup, groups);
    if (gid === undefined) throw unknown('group', wantedGroup, 'group', groups);
    return { uid, gid, groups: [], home };
  }
  const member = (members = '') => user !== undefined && members.split(',').includes(user[0] ?? '');
  const supplementary = groups.flatMap(([, , gid, members]) => (member(members) ? [idOf(gid ?? '')] : []));
  return {
    uid,
    gid: (user && idOf(user[3] ?? '')) ?? 0,
    groups: [...new Set(supplementary.filter(gid => gid !== undefined))],
    home,
  };
}

function groupId(wanted: string, groups: readonly (readonly string[])[]): number | undefined {
  const id = idOf(wanted);
  if (id !== undefined) return id;
  const found = groups.find(([name]) => name === wanted);
  return found && idOf(found[2] ?? '');
}

function idOf(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= HIGHEST ? Number(text) : undefined;
}

function recordsOf(text: string, fields: number): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map(line => line.trim().split(':'))
    .filter(record => record.length >= fields && idOf(record[2] ?? '') !== undefined);
}

function unknown(
  what: string,
  wanted: string,
  file: string,
  records: readonly (readonly string[])[],
): AshlarError {
  const names = records.map(([name]) => name);
  const hint =
    names.length === 0
      ? `the image has no /etc/${file}: give a number, or create it first`
      : `create it in an earlier step, or give a number; it has ${names.slice(0, 40).join(', ')}`;
  return new AshlarError(`there is no ${what} "${wanted}" in /etc/${file} of the image`, { hint });
}

/** The account files of the tree mounted at `root`; links in it lead nowhere else. */
export function readAccountFiles(root: string): AccountFiles {
  using directory = new FileDescriptor(openAt(AT_FDCWD, root, O_PATH | constants.O_DIRECTORY));
  const read = (path: string) => readSmall(directory.fd, path);
  return { passwd: read('etc/passwd'), group: read('etc/group') };
}

function readSmall(root: number, path: string): string {
  let fd: number;
  try {
    // A FIFO of that name must not make us wait.
    fd = openIn(root, path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(codeOf(error) ?? '')) return '';
    throw error;
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new AshlarError(`/${path} in the image is not a file`);
    if (status.size > LARGEST) throw new AshlarError(`/${path} in the image is too large to be looked into`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/**
 * An account as far as it exists in our namespaces: supplementary groups that do not are left out.
 * @throws AshlarError when the user or its group does not.
 */
export function availableAccount(account: Account, spec: string): Account {
  const { uid, gid, groups } = account;
  const [uids, gids] = [mapped('uid'), mapped('gid')];
  if (!uids(uid) || !gids(gid)) {
    throw new AshlarError(`cannot run as ${spec} (${uid}:${gid}): that id does not exist in this build`, {
      hint: 'a plain user needs subordinate ids for it (ashlar check tells more), or build as root',
    });
  }
  return { ...account, groups: groupsAllowed() ? groups.filter(gids) : [] };
}

/** Tells of an id whether it exists here: user_namespaces(7). */
function mapped(kind: 'uid' | 'gid'): (id: number) => boolean {
  const ranges = readFileSync(`/proc/self/${kind}_map`, 'utf8')
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number));
  return id => ranges.some(([first = 0, , count = 0]) => id >= first && id < first + count);
}

/** Who has one id only cannot give up groups, and so cannot choose them. */
function groupsAllowed(): boolean {
  return readFileSync('/proc/self/setgroups', 'utf8').trim() === 'allow';
}
