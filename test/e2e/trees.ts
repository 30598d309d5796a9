/** What is in a tree, entry by entry, as GNU find, sha256sum and getfattr see it. */
import { outputAsRoot } from './support.ts';

/**
 * A shell script that describes the directory of its first argument; the variable TOOLS is a directory with the
 * programs, or empty. Names are escaped by find, so that each entry is one line.
 */
export const DESCRIBE = `
cd "$1"
"\${TOOLS}find" . -printf '%y %m %U:%G %n %T@ %l %i %p\\0' | "\${TOOLS}od" -An -v -tx1
echo =
"\${TOOLS}find" . -type f -exec "\${TOOLS}sha256sum" -z {} + | "\${TOOLS}od" -An -v -tx1
echo =
"\${TOOLS}getfattr" -R -P -h -d -m - -e hex .
`;

/** The programs that DESCRIBE needs. */
export const DESCRIBERS = ['find', 'od', 'sha256sum', 'getfattr'] as const;

export interface Entry {
  readonly type: string;
  /** Octal. */
  readonly mode: string;
  readonly owner: string;
  /** Whole seconds. */
  readonly mtime: number;
  /** Of a symbolic link. */
  readonly target: string;
  readonly sha256: string | undefined;
  readonly xattrs: Readonly<Record<string, string>>;
  /** All names of the same file, itself included; empty for directories. */
  readonly linkedWith: readonly string[];
}

export type Description = Readonly<Record<string, Entry>>;

/** Describes a tree on this machine. */
export async function describeTree(root: string): Promise<Description> {
  const script = `TOOLS=; ${DESCRIBE}`;
  return parseDescription(await outputAsRoot('sh', ['-c', script, 'describe', root]));
}

/** Makes sense of what DESCRIBE printed. */
export function parseDescription(text: string): Description {
  const [entries = '', sums = '', attributes = ''] = text.split(/^=\n/m);
  const hashes = new Map(records(sums).map(line => [line.slice(66), line.slice(0, 64)]));
  const xattrs = parseAttributes(attributes);
  const found = records(entries).map(record => {
    const match = /^(\S+) (\d+) (\d+:\d+) (\d+) (\d+)\S* (.*) (\d+) (\..*)$/s.exec(record);
    if (!match) throw new Error(`find printed ${JSON.stringify(record)}`);
    const [, type = '', mode = '', owner = '', , seconds, target = '', inode = '', path = ''] = match;
    return { type, mode, owner, mtime: Number(seconds), target, inode, path };
  });
  const byInode = Map.groupBy(found, entry => entry.inode);
  return Object.fromEntries(
    found
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map(({ inode, path, ...entry }) => {
        const links = entry.type === 'd' ? [] : (byInode.get(inode) ?? []).map(other => other.path);
        return [
          path,
          { ...entry, sha256: hashes.get(path), xattrs: xattrs.get(path) ?? {}, linkedWith: links.sort() },
        ];
      }),
  );
}

/** The NUL-terminated records in a hexadecimal dump: names may have any byte but NUL. */
function records(dump: string): readonly string[] {
  const bytes = Buffer.from(dump.replaceAll(/\s+/g, ''), 'hex');
  return bytes.toString('utf8').split('\0').filter(Boolean);
}

function parseAttributes(text: string): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const blocks = text.split('\n\n').map(block => block.split('\n').filter(Boolean));
  return new Map(
    blocks.flatMap(([head, ...lines]) => {
      if (!head) return [];
      const name = unescapeOctal(head.replace('# file: ', ''));
      const pairs = lines.map(line => line.split(/=(.*)/s).slice(0, 2) as [string, string]);
      return [[name === '.' ? '.' : `./${name.replace(/^\.\//, '')}`, Object.fromEntries(pairs)]];
    }),
  );
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
