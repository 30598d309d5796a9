/** Small root trees that are set up in tests. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setUpTree } from '../../src/setup/index.ts';
import type { SetupChange, SetupOptions } from '../../src/setup/types.ts';

export const at = { file: 'config.xml', line: 3, column: 5 };

/** Whether this process may give files to others. */
export const root = process.getuid?.() === 0;

export class SmallTree implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'ashlar-setup-'));
  readonly warnings: string[] = [];

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries({ 'etc/hosts': '127.0.0.1 localhost\n', ...files }))
      this.write(path, text);
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text, { mode });
  }

  at(path: string): string {
    return join(this.path, path);
  }

  read(path: string): string {
    return readFileSync(this.at(path), 'utf8');
  }

  setUp(changes: readonly SetupChange[], options: Partial<SetupOptions> = {}): void {
    const warn = (text: string) => this.warnings.push(text);
    setUpTree(this.path, changes, { time: 1_000_000, keepOwners: root, warn, ...options });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The account files of a small system, of Debian's kind. */
export const accounts = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\nsudo:x:27:\nusers:x:100:\n',
  'etc/gshadow': 'root:*::\ndaemon:*::\nsudo:*::\nusers:*::\n',
  'etc/login.defs': [
    '# comments and tabs are usual',
    'UID_MIN\t\t\t 1000',
    'GID_MIN 1000',
    'UMASK 022',
    'HOME_MODE 0750',
    'PASS_MIN_DAYS 0',
    'PASS_MAX_DAYS\t99999',
    'PASS_WARN_AGE 7',
    'USERGROUPS_ENAB yes',
    'SUB_UID_MIN 100000',
    '',
  ].join('\n'),
  'etc/default/useradd': 'SHELL=/bin/sh\n',
  'etc/skel/.profile': 'umask 022\n',
  'home/keep': '',
};
