/** The configuration of an OCI runtime (https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config.md). */

import type { Bundle, SettledProcess, StagedBind, Streams } from './bundle.ts';
import { availableCapabilities } from './capabilities.ts';

interface SpecMount {
  readonly destination: string;
  readonly type?: string;
  readonly source: string;
  readonly options: readonly string[];
}

const MASKED = [
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/timer_list',
  '/proc/scsi',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sysrq-trigger'];

/** Mounts that every tree gets, in order. */
const STANDARD_MOUNTS: readonly SpecMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/sys',
    type: 'none',
    source: '/sys',
    options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
  },
];

/** The config.json of one run: root file system at `rootfs`, everything mounted by the runtime itself. */
export function runtimeSpec(
  runtime: 'crun' | 'runc',
  { process: options, rootfs, binds, streams }: Pick<Bundle, 'process' | 'rootfs' | 'binds' | 'streams'>,
): object {
  return {
    ociVersion: '1.0.2',
    process: processSpec(options, streams),
    root: { path: rootfs, readonly: false },
    hostname: options.hostname,
    mounts: [...STANDARD_MOUNTS, ...binds.map(bind => bindMount(runtime, bind))],
    linux: {
      namespaces: [
        ...['mount', 'pid', 'ipc', 'uts'].map(type => ({ type })),
        ...networkNamespace(options.network),
      ],
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
    },
  };
}

/** What a runtime is told of a process, the first one of a container or another one. */
export function processSpec(options: SettledProcess, streams: Streams): object {
  const capabilities = availableCapabilities();
  const { account } = options;
  const terminal = streams.kind === 'attached' ? streams.terminal : undefined;
  return {
    terminal: terminal !== undefined,
    ...(terminal && { consoleSize: { height: terminal.rows, width: terminal.columns } }),
    user: {
      uid: account.uid,
      gid: account.gid,
      ...(account.groups.length > 0 && { additionalGids: account.groups }),
    },
    args: options.args,
    env: Object.entries(options.environment).map(([name, value]) => `${name}=${value}`),
    cwd: options.directory,
    capabilities: {
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: [],
    },
    noNewPrivileges: false,
  };
}

function networkNamespace(network: SettledProcess['network']): readonly object[] {
  switch (network) {
    case 'host':
      return [];
    case 'none':
      return [{ type: 'network' }];
    default:
      return [{ type: 'network', path: network.path }];
  }
}

/**
 * crun sets the flags of a bind anew, so it must be told of `ro`. runc keeps those of the source, and its remount for
 * `ro` fails in a user namespace where the source's other flags (nodev, nosuid) are locked.
 */
function bindMount(runtime: 'crun' | 'runc', { source, target, readOnly }: StagedBind): SpecMount {
  const flags = readOnly && runtime === 'crun' ? ['ro'] : [];
  return { destination: target, type: 'none', source, options: ['rbind', 'rprivate', ...flags] };
}
