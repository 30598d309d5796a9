/** The accounts of a tree: its four files, read together and written together. */
import { AshlarError, type SourceSpan } from '../support/errors.ts';
import { AccountFile } from './account-file.ts';
import { type AccountDefaults, type IdRange, numberOf, readDefaults } from './defaults.ts';
import type { SetupTree } from './tree.ts';

const PASSWD = '/etc/passwd';
const SHADOW = '/etc/shadow';
const GROUP = '/etc/group';
const GSHADOW = '/etc/gshadow';

/** What account programs accept everywhere, and what cannot break a line. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/;

const HIGHEST_ID = 2 ** 32 - 2;

export class Accounts {
  readonly passwd: AccountFile;
  readonly shadow: AccountFile;
  readonly group: AccountFile;
  readonly #gshadow: AccountFile | undefined;
  readonly #tree: SetupTree;
  #defaults: AccountDefaults | undefined;

  constructor(tree: SetupTree) {
    const read = (path: string, width: number) => new AccountFile(tree.read(path) ?? '', width);
    this.#tree = tree;
    this.passwd = read(PASSWD, 7);
    this.shadow = read(SHADOW, 9);
    this.group = read(GROUP, 4);
    this.#gshadow = tree.status(GSHADOW) && read(GSHADOW, 4);
  }

  get defaults(): AccountDefaults {
    this.#defaults ??= readDefaults(this.#tree);
    return this.#defaults;
  }

  save(): void {
    const write = (path: string, file: AccountFile, mode: number) =>
      this.#tree.edit(path, { mode, uid: 0, gid: 0 }, () => file.text());
    write(GROUP, this.group, 0o644);
    write(PASSWD, this.passwd, 0o644);
    write(SHADOW, this.shadow, 0o600);
    if (this.#gshadow) write(GSHADOW, this.#gshadow, 0o600);
  }

  /** The id of a group, by name or number; undefined where there is none of the name. */
  gid(group: string): number | undefined {
    return numberOf(group) ?? numberOf(this.group.find(group)?.[2]);
  }

  uid(user: string): number | undefined {
    return numberOf(user) ?? numberOf(this.passwd.find(user)?.[2]);
  }

  /** The id of a group of this name, which is made where there is none. @param preferred Taken where it is free. */
  ensureGroup(name: string, gid: number | undefined, at: SourceSpan, preferred?: number): number {
    checkName(name, 'group', at);
    const there = this.gid(name);
    if (there !== undefined) return there;
    const holder = gid === undefined ? undefined : holderOf(this.group, gid);
    if (holder !== undefined)
      throw new AshlarError(`the group ${name} cannot have the id ${gid}: that of ${holder}`, { at });
    const free = preferred !== undefined && holderOf(this.group, preferred) === undefined;
    const id = checkId(gid, at) ?? (free ? preferred : nextId(this.group, this.defaults.gids, 'group', at));
    this.group.put([name, 'x', String(id), '']);
    this.#gshadow?.put([name, '!', '', '']);
    return id;
  }

  /** Makes the user a member of these groups, and of no others. */
  setMemberships(user: string, groups: readonly string[]): void {
    for (const file of [this.group, ...(this.#gshadow ? [this.#gshadow] : [])]) {
      for (const fields of file.records) {
        const members = (fields[3] ?? '').split(',').filter(name => name !== '');
        const others = members.filter(name => name !== user);
        const wanted = groups.includes(fields[0] ?? '');
        if (wanted === members.includes(user)) continue;
        file.put([...fields.slice(0, 3), [...others, ...(wanted ? [user] : [])].join(',')]);
      }
    }
  }

  /** The id of a new user. */
  newUid(wanted: number | undefined, name: string, at: SourceSpan): number {
    const holder = wanted === undefined ? undefined : holderOf(this.passwd, wanted);
    if (holder !== undefined && holder !== name)
      throw new AshlarError(`the user ${name} cannot have the id ${wanted}: that of ${holder}`, { at });
    return checkId(wanted, at) ?? nextId(this.passwd, this.defaults.uids, 'user', at);
  }
}

export function checkName(name: string, what: 'user' | 'group', at: SourceSpan): void {
  if (NAME.test(name)) return;
  throw new AshlarError(`${JSON.stringify(name)} cannot be the name of a ${what}`, {
    at,
    hint: 'a name begins with a letter or _, and has letters, digits, _ . - and at most 32 characters',
  });
}

function checkId(id: number | undefined, at: SourceSpan): number | undefined {
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id <= HIGHEST_ID)) return id;
  throw new AshlarError(`${id} cannot be the id of an account`, { at });
}

function holderOf(file: AccountFile, id: number): string | undefined {
  return file.records.find(fields => numberOf(fields[2]) === id)?.[0];
}

/** The one after the highest in use, as account programs choose it; the lowest free one when there is none left. */
function nextId(file: AccountFile, { least, most }: IdRange, what: string, at: SourceSpan): number {
  const used = new Set(file.records.map(fields => numberOf(fields[2]) ?? -1));
  const highest = [...used].reduce((max, id) => (id <= most ? Math.max(max, id) : max), least - 1);
  if (highest < most) return highest + 1;
  for (let id = least; id <= most; id++) if (!used.has(id)) return id;
  throw new AshlarError(`all ids of a ${what} from ${least} to ${most} are in use`, { at });
}
