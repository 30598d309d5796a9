/** What the tree says of new accounts: login.defs(5) and useradd(8). */
import type { SetupTree } from './tree.ts';

export interface AccountDefaults {
  readonly uids: IdRange;
  readonly gids: IdRange;
  /** Whether a new user gets a group of its own name. */
  readonly ownGroups: boolean;
  /** Name or number of the group of others. */
  readonly group: string;
  readonly homes: string;
  readonly homeMode: number;
  readonly shell: string;
  /** Directories of what is in every new home; what is in a later one wins. */
  readonly skeletons: readonly string[];
  /** Days, as shadow(5) has them; nothing where the tree says nothing. */
  readonly passwordAges: readonly [least: string, most: string, warning: string];
  /** How many subordinate ids a new user gets, where the tree has a file of them. */
  readonly subordinateIds: IdRange & { readonly count: number };
}

export interface IdRange {
  readonly least: number;
  readonly most: number;
}

/** The vendor's files first: those of /etc win. */
export function readDefaults(tree: SetupTree): AccountDefaults {
  const login = settings(tree, ['/usr/etc/login.defs', '/etc/login.defs'], /^\s*([A-Z_]+)\s+"?([^\s"]+)/);
  const useradd = settings(
    tree,
    ['/usr/etc/default/useradd', '/etc/default/useradd'],
    /^\s*([A-Z_]+)=["']?([^"']*?)["']?\s*$/,
  );
  const number = (name: string, otherwise: number) => numberOf(login.get(name)) ?? otherwise;
  const octal = (name: string) => {
    const text = login.get(name);
    return text !== undefined && /^[0-7]{1,5}$/.test(text) ? Number.parseInt(text, 8) : undefined;
  };
  const skeleton = useradd.get('SKEL') ?? '/etc/skel';
  return {
    uids: { least: number('UID_MIN', 1000), most: number('UID_MAX', 60_000) },
    gids: { least: number('GID_MIN', 1000), most: number('GID_MAX', 60_000) },
    ownGroups: login.get('USERGROUPS_ENAB') !== 'no',
    group: useradd.get('GROUP') ?? '100',
    homes: useradd.get('HOME') ?? '/home',
    homeMode: (octal('HOME_MODE') ?? 0o777 & ~(octal('UMASK') ?? 0o022)) & 0o7777,
    shell: useradd.get('SHELL') ?? '/bin/sh',
    skeletons: [`/usr${skeleton}`, skeleton],
    passwordAges: [
      login.get('PASS_MIN_DAYS') ?? '',
      login.get('PASS_MAX_DAYS') ?? '',
      login.get('PASS_WARN_AGE') ?? '',
    ],
    subordinateIds: {
      least: number('SUB_UID_MIN', 100_000),
      most: number('SUB_UID_MAX', 600_100_000),
      count: number('SUB_UID_COUNT', 65_536),
    },
  };
}

/** Id numbers as account files have them. */
export function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function settings(tree: SetupTree, paths: readonly string[], form: RegExp): ReadonlyMap<string, string> {
  const lines = paths.flatMap(path => (tree.read(path) ?? '').split('\n'));
  return new Map(
    lines.flatMap(line => {
      const [, name, value] = form.exec(line) ?? [];
      return name !== undefined && value !== undefined ? [[name, value] as const] : [];
    }),
  );
}
