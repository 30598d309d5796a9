import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { addSubordinateRange } from '../../sandbox/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';

/** As typed. */
export interface UnprivilegedFlags {
  readonly uid?: string;
  readonly gid?: string;
  readonly username?: string;
}

/** As root: gives a plain user subordinate ids, and directories of its own in this project. */
export async function setUpUnprivileged(globals: GlobalFlags, flags: UnprivilegedFlags): Promise<void> {
  const { stackerDir, rootsDir } = await readSettings(globals);
  const log = openLog(globals, line => process.stderr.write(line));
  if (!flags.uid) {
    throw new AshlarError('please specify --uid or run unpriv-setup with sudo', {
      hint: 'for example: sudo ashlar unpriv-setup',
    });
  }
  const uid = readId('--uid', flags.uid);
  const gid = flags.gid ? readId('--gid', flags.gid) : uid;
  const name = flags.username || flags.uid;
  if (existsSync(stackerDir)) {
    throw new AshlarError(`stacker dir ${stackerDir} already exists, aborting setup`, {
      hint: 'ashlar clean removes it',
    });
  }
  for (const [file, ownId] of [
    ['/etc/subuid', uid],
    ['/etc/subgid', gid],
  ] as const) {
    const added = addSubordinateRange(file, { name, uid, ownId });
    log('info', added ? `${file}: added a range for ${name}` : `${file}: ${name} has a range`);
  }
  for (const directory of [stackerDir, rootsDir]) makeFor(directory, uid, gid);
  for (const program of ['newuidmap', 'newgidmap'])
    if (!findProgram(program)) log('warning', `${program} not found in path: install uidmap or shadow-utils`);
}

function readId(flag: string, text: string): number {
  const id = Number(text);
  if (/^\d+$/.test(text) && id < 2 ** 32 - 1) return id;
  throw new AshlarError(`${flag} must be a number: ${text}`);
}

/** Makes a directory that belongs to the user, and so do those on the way that did not exist. */
function makeFor(directory: string, uid: number, gid: number): void {
  const first = mkdirSync(directory, { recursive: true });
  chownSync(directory, uid, gid);
  if (first === undefined) return;
  for (let path = directory; path !== first; ) {
    path = dirname(path);
    chownSync(path, uid, gid);
  }
}
