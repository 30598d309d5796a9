/** Groups and users, as the account programs of a tree would make and change them. */
import { AshlarError } from '../support/errors.ts';
import { Accounts, checkName } from './accounts.ts';
import { numberOf } from './defaults.ts';
import { fromText } from './entries.ts';
import { addSubordinateIds } from './subordinate-ids.ts';
import type { Owner, SetupTree } from './tree.ts';
import type { GroupSetup, UserSetup } from './types.ts';

export function setUpGroups(tree: SetupTree, groups: readonly GroupSetup[]): void {
  const accounts = new Accounts(tree);
  for (const { name, gid, at } of groups) accounts.ensureGroup(name, gid, at);
  accounts.save();
}

export function setUpUsers(tree: SetupTree, users: readonly UserSetup[]): void {
  const accounts = new Accounts(tree);
  for (const user of users) {
    check(user);
    const groups = user.groups.map(group => ensureGroup(group, user, accounts));
    if (accounts.passwd.find(user.name)) change(user, groups, accounts, tree);
    else add(user, groups, accounts, tree);
  }
  accounts.save();
}

interface Group {
  readonly name: string;
  readonly gid: number;
}

function ensureGroup(text: string, { at }: UserSetup, accounts: Accounts): Group {
  const [name = '', id] = text.split(':');
  const gid = numberOf(id);
  if (id !== undefined && gid === undefined)
    throw new AshlarError(`${JSON.stringify(text)} is no group: its id is to be a number`, { at });
  return { name, gid: accounts.ensureGroup(name, gid, at) };
}

function add(user: UserSetup, groups: readonly Group[], accounts: Accounts, tree: SetupTree): void {
  const { name, at } = user;
  const { defaults } = accounts;
  const uid = accounts.newUid(user.uid, name, at);
  const gid = groups[0]?.gid ?? defaultGroup(user, uid, accounts);
  const home = user.home ?? `${defaults.homes}/${name}`;
  const { realName = '', shell = defaults.shell } = user;
  accounts.passwd.put([name, 'x', String(uid), String(gid), fromText(realName), fromText(home), shell]);
  setPassword(name, user.password ?? '!', accounts, tree);
  accounts.setMemberships(
    name,
    groups.slice(1).map(group => group.name),
  );
  addSubordinateIds(tree, name, defaults.subordinateIds);
  makeHome(fromText(home), { uid, gid }, accounts, tree);
}

function defaultGroup({ name, at }: UserSetup, uid: number, accounts: Accounts): number {
  const { ownGroups, group } = accounts.defaults;
  if (ownGroups) return accounts.ensureGroup(name, undefined, at, uid);
  const gid = accounts.gid(group);
  if (gid === undefined)
    throw new AshlarError(`the tree has no group ${group}, its default for users`, { at });
  return gid;
}

/** What is there already stays as it is, but belongs to the user. */
function makeHome(home: string, owner: Owner, { defaults }: Accounts, tree: SetupTree): void {
  if (!tree.has(home)) {
    tree.makeDirectory(home, { ...owner, mode: defaults.homeMode });
    for (const skeleton of defaults.skeletons) tree.copyInto(skeleton, home, owner);
  }
  // A user whose home is the whole system does not own it.
  if (home !== '/') tree.reown(home, () => owner);
}

function change(user: UserSetup, groups: readonly Group[], accounts: Accounts, tree: SetupTree): void {
  const { name, at } = user;
  const before = accounts.passwd.find(name) ?? [];
  const [, password = 'x', uid = '', gid = '', realName = '', home = '', shell = ''] = before;
  const newUid = user.uid === undefined ? uid : String(accounts.newUid(user.uid, name, at));
  const newGid = String(groups[0]?.gid ?? gid);
  accounts.passwd.put([
    name,
    user.password === undefined ? password : 'x',
    newUid,
    newGid,
    user.realName === undefined ? realName : fromText(user.realName),
    user.home === undefined ? home : fromText(user.home),
    user.shell ?? shell,
  ]);
  if (user.password !== undefined) setPassword(name, user.password, accounts, tree);
  if (groups.length > 1)
    accounts.setMemberships(
      name,
      groups.slice(1).map(group => group.name),
    );
  if ((newUid === uid && newGid === gid) || home === '/') return;
  tree.reown(home, before => ({
    uid: String(before.uid) === uid ? Number(newUid) : before.uid,
    gid: String(before.gid) === gid ? Number(newGid) : before.gid,
  }));
}

function setPassword(name: string, password: string, { shadow, defaults }: Accounts, tree: SetupTree): void {
  const there = shadow.find(name);
  if (there?.[1] === password) return;
  const day = tree.options.passwordDay;
  // Day 0 would mean that the password has to be changed at once.
  const changed = day === undefined || day === 0 ? '' : String(day);
  const rest = there?.slice(3) ?? [...defaults.passwordAges, '', '', ''];
  shadow.put([name, password, changed, ...rest]);
}

function check({ name, password = '', home = '/', shell = '', realName = '', at }: UserSetup): void {
  checkName(name, 'user', at);
  const fields = { password, home, shell, 'real name': realName };
  for (const [what, value] of Object.entries(fields))
    if (/[:\n\0]/.test(value))
      throw new AshlarError(`the ${what} of the user ${name} has a character that ends it in account files`, {
        at,
      });
  if (!home.startsWith('/'))
    throw new AshlarError(`the home of the user ${name} is no absolute path`, { at });
}
