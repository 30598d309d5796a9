import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { release, version } from 'node:os';
import { dirname } from 'node:path';
import { type Abilities, probeAbilities } from '../../engine/index.ts';
import { detectIdMap } from '../../sandbox/index.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { decimalSize } from '../size.ts';

/** One thing that was looked at. `required`: without it builds that run something cannot work. */
interface Finding {
  readonly subject: string;
  readonly state: 'ok' | 'degraded' | 'missing';
  readonly detail: string;
  readonly cure?: string;
  readonly required: boolean;
}

interface Tool {
  readonly program: string;
  readonly purpose: string;
  /** Packages by distribution. */
  readonly packages: { readonly debian: string; readonly fedora: string; readonly opensuse: string };
  readonly required: boolean;
}

const TOOLS: readonly Tool[] = [
  {
    program: 'unshare',
    purpose: 'namespaces of our own',
    packages: { debian: 'util-linux', fedora: 'util-linux', opensuse: 'util-linux' },
    required: true,
  },
  {
    program: 'newuidmap',
    purpose: 'more than one user id for builds without root',
    packages: { debian: 'uidmap', fedora: 'shadow-utils', opensuse: 'shadow' },
    required: false,
  },
  {
    program: 'crun',
    purpose: 'starting run sections (the quickest way)',
    packages: { debian: 'crun', fedora: 'crun', opensuse: 'crun' },
    required: false,
  },
  {
    program: 'runc',
    purpose: 'starting run sections where crun does not work',
    packages: { debian: 'runc', fedora: 'runc', opensuse: 'runc' },
    required: false,
  },
  {
    program: 'zstd',
    purpose: 'quicker zstd layers',
    packages: { debian: 'zstd', fedora: 'zstd', opensuse: 'zstd' },
    required: false,
  },
  {
    program: 'xz',
    purpose: 'tar bases compressed with xz',
    packages: { debian: 'xz-utils', fedora: 'xz', opensuse: 'xz' },
    required: false,
  },
  {
    program: 'bzip2',
    purpose: 'tar bases compressed with bzip2',
    packages: { debian: 'bzip2', fedora: 'bzip2', opensuse: 'bzip2' },
    required: false,
  },
];

/** Magic numbers of statfs(2) for file systems that people ask about. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: 'nfs',
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
};

const NFS = 0x6969;
/** Bytes; an unpacked base alone takes a few hundred megabytes. */
const LITTLE_SPACE = 2_000_000_000;

/** Looks at the machine, prints a line for everything that matters to builds; fails when builds cannot run. */
export async function check(globals: GlobalFlags, flags: { readonly json?: true }): Promise<void> {
  const settings = await readSettings(globals);
  const log = openLog(globals);
  log('info', `os/kernel: ${version()} ${release()}`);
  const findings: Finding[] = [
    { subject: 'node', state: 'ok', detail: process.version, required: true },
    ...TOOLS.map(findTool),
    findUserIds(),
    await findFileSystem('roots-dir', settings.rootsDir),
    await findFileSystem('store', settings.store),
    ...(await findAbilities(settings.store)),
  ];
  process.stdout.write(
    flags.json ? `${JSON.stringify(findings, null, 2)}\n` : `${findings.map(describe).join('\n')}\n`,
  );
  if (findings.some(({ state, required }) => required && state === 'missing')) {
    throw new AshlarError('builds with run sections will not work on this machine', {
      hint: 'see the lines marked "missing"',
    });
  }
}

function describe({ subject, state, detail, cure }: Finding): string {
  return `${state.padEnd(9)} ${subject.padEnd(12)} ${detail}${cure === undefined ? '' : `\n${' '.repeat(23)}-> ${cure}`}`;
}

function findTool({ program, purpose, packages, required }: Tool): Finding {
  const path = findProgram(program);
  if (path) return { subject: program, state: 'ok', detail: path, required };
  const cure = `for ${purpose}: apt install ${packages.debian} | dnf install ${packages.fedora} | zypper install ${packages.opensuse}`;
  return {
    subject: program,
    state: required ? 'missing' : 'degraded',
    detail: 'not installed',
    cure,
    required,
  };
}

function findUserIds(): Finding {
  const idMap = detectIdMap();
  const subject = 'user ids';
  switch (idMap.kind) {
    case 'host':
      return { subject, state: 'ok', detail: 'all (root)', required: false };
    case 'ranges':
      return {
        subject,
        state: 'ok',
        detail: 'subordinate ids of /etc/subuid and /etc/subgid',
        required: false,
      };
    case 'single':
      return {
        subject,
        state: 'degraded',
        detail: `only one: ${idMap.reason}`,
        cure: 'as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 <you>',
        required: false,
      };
  }
}

async function findFileSystem(subject: string, path: string): Promise<Finding> {
  const { type, bavail, bsize } = await statfs(existingParent(path));
  const name = FILE_SYSTEMS[type] ?? 'unknown';
  const free = bavail * bsize;
  const detail = `${path} ${name}(${type.toString(16)}), ${decimalSize(free)} free`;
  if (type === NFS) {
    const text = `roots dir (--roots-dir) path ${path} is not supported on NFS.`;
    return {
      subject,
      state: 'missing',
      detail: text,
      cure: 'choose a directory on a local disk',
      required: true,
    };
  }
  if (free < LITTLE_SPACE)
    return {
      subject,
      state: 'degraded',
      detail,
      cure: 'free some space or choose another disk',
      required: true,
    };
  return { subject, state: 'ok', detail, required: true };
}

function existingParent(path: string): string {
  return existsSync(path) ? path : existingParent(dirname(path));
}

async function findAbilities(store: string): Promise<readonly Finding[]> {
  let abilities: Abilities;
  try {
    abilities = await probeAbilities(store, () => {});
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    return [
      {
        subject: 'namespaces',
        state: 'missing',
        detail: messageOf(error),
        cure: namespaceCure(),
        required: true,
      },
    ];
  }
  const { overlayProblem, runtime, refusals } = abilities;
  return [
    { subject: 'namespaces', state: 'ok', detail: 'mounts and processes of our own', required: true },
    overlayProblem === undefined
      ? { subject: 'overlay', state: 'ok', detail: 'layers can be mounted and changed', required: true }
      : {
          subject: 'overlay',
          state: 'missing',
          detail: overlayProblem,
          cure: 'needs Linux 5.12 and a store that is not itself on overlayfs: choose another disk with --store',
          required: true,
        },
    runtime === 'builtin'
      ? {
          subject: 'runtime',
          state: 'degraded',
          detail: ['built-in runner, with less isolation', ...refusals].join('; '),
          cure: 'apt install crun | dnf install crun | zypper install crun',
          required: false,
        }
      : { subject: 'runtime', state: 'ok', detail: [runtime, ...refusals].join('; '), required: false },
  ];
}

/** What usually stands in the way of a plain user's namespaces. */
function namespaceCure(): string {
  if (existsSync('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')) {
    return 'as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (or an AppArmor profile for ashlar)';
  }
  if (existsSync('/proc/sys/kernel/unprivileged_userns_clone'))
    return 'as root: sysctl kernel.unprivileged_userns_clone=1';
  return 'as root: sysctl user.max_user_namespaces=15000; in a container: allow user namespaces or run privileged';
}
