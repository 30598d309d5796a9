import { machine, release, type, version } from 'node:os';
import { AshlarError } from '../../support/errors.ts';
import { openLog } from '../log.ts';
import { findAbilities, findUserIds } from '../machine/abilities.ts';
import { fileSystemOf, findRoots, findStore } from '../machine/file-systems.ts';
import type { Finding } from '../machine/finding.ts';
import { findPrograms } from '../machine/programs.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';

/** Looks at the machine, prints a line for everything that matters to builds; fails when builds cannot run. */
export async function check(globals: GlobalFlags, flags: { readonly json?: true }): Promise<void> {
  const settings = await readSettings(globals);
  const log = openLog(globals);
  log('info', `os/kernel: ${type()} ${release()} ${version()} ${machine()}`);
  log('info', `${settings.rootsDir} ${fileSystemOf(settings.rootsDir).name}`);
  const findings: readonly Finding[] = [
    { subject: 'node', state: 'ok', detail: process.version, required: true },
    ...findPrograms(),
    findUserIds(),
    findRoots(settings.rootsDir),
    findStore(settings.store),
    ...(await findAbilities(settings.store)),
  ];
  process.stdout.write(
    flags.json ? `${JSON.stringify(findings, null, 2)}\n` : `${findings.map(describe).join('\n')}\n`,
  );
  const fatal = findings.find(({ state, required }) => required && state === 'missing');
  if (fatal) throw new AshlarError(fatal.detail, { hint: fatal.cure });
}

function describe({ subject, state, detail, cure }: Finding): string {
  return `${state.padEnd(9)} ${subject.padEnd(12)} ${detail}${cure === undefined ? '' : `\n${' '.repeat(23)}-> ${cure}`}`;
}
