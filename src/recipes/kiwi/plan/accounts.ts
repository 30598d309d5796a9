/** Users and groups of a description. */
import type { GroupSetup, SetupChange, UserSetup } from '../../../plan/system-steps.ts';
import type { KiwiDescription, KiwiUser } from '../model.ts';
import type { KiwiPlanOptions } from './options.ts';
import { hashedPassword } from './public-text.ts';

/** Groups come before users. */
export function accountChanges(
  { name, users }: Pick<KiwiDescription, 'name' | 'users'>,
  { warn }: Pick<KiwiPlanOptions, 'warn'>,
): readonly SetupChange[] {
  if (users.length === 0) return [];
  const groups = groupsOf(users);
  return [
    ...(groups.length > 0 ? [{ kind: 'groups', groups } as const] : []),
    { kind: 'users', users: users.map(user => userSetup(user, name, warn)) },
  ];
}

function userSetup(user: KiwiUser, image: string, warn: KiwiPlanOptions['warn']): UserSetup {
  const { name, home, shell, id, realName, groups, at } = user;
  return {
    name,
    password: passwordOf(user, image, warn),
    ...(home !== undefined && { home }),
    ...(shell !== undefined && { shell }),
    ...(id !== undefined && { uid: id }),
    ...(realName !== undefined && { realName }),
    groups: groups.map(group => splitGroup(group).name),
    at,
  };
}

function passwordOf(user: KiwiUser, image: string, warn: KiwiPlanOptions['warn']): string {
  const { name, password, passwordFormat, at } = user;
  if (passwordFormat === 'plain') {
    warn(`the password of ${name} can be read by everybody who sees the description: a hash is safer`, at);
    return hashedPassword(password, name, image);
  }
  if (password.startsWith('$1$')) {
    warn(
      `the password of ${name} is hashed with MD5, which is quick to guess: openssl passwd -6 makes a better one`,
      at,
    );
  }
  return password;
}

function groupsOf(users: readonly KiwiUser[]): readonly GroupSetup[] {
  const groups = new Map<string, GroupSetup>();
  for (const { groups: written, at } of users) {
    for (const text of written) {
      const { name, gid } = splitGroup(text);
      const known = groups.get(name);
      if (!known || (known.gid === undefined && gid !== undefined)) {
        groups.set(name, { name, ...(gid !== undefined && { gid }), at });
      }
    }
  }
  return [...groups.values()];
}

/** Of `name` or `name:gid`. */
function splitGroup(text: string): { readonly name: string; readonly gid: number | undefined } {
  const [, name = text, gid] = /^(.*?)(?::(\d+))?$/.exec(text.trim()) ?? [];
  return { name, gid: gid === undefined ? undefined : Number(gid) };
}
