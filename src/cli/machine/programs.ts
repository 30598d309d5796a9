/** Programs that builds start, and how to get those that are missing. */
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { installationOf } from '../../support/programs.ts';
import type { Finding } from './finding.ts';

interface Tool {
  readonly program: string;
  readonly purpose: string;
  readonly required: boolean;
}

const TOOLS: readonly Tool[] = [
  {
    program: 'unshare',
    purpose: 'namespaces of our own',
    required: true,
  },
  {
    program: 'newuidmap',
    purpose: 'more than one user id for builds without root',
    required: false,
  },
  {
    program: 'crun',
    purpose: 'starting run sections (the quickest way)',
    required: false,
  },
  {
    program: 'runc',
    purpose: 'starting run sections where crun does not work',
    required: false,
  },
  {
    program: 'zstd',
    purpose: 'quicker zstd layers',
    required: false,
  },
  {
    program: 'xz',
    purpose: 'tar bases compressed with xz',
    required: false,
  },
  {
    program: 'bzip2',
    purpose: 'tar bases compressed with bzip2',
    required: false,
  },
  {
    program: 'mksquashfs',
    purpose: 'squashfs layers',
    required: false,
  },
  {
    program: 'unsquashfs',
    purpose: 'building on squashfs layers',
    required: false,
  },
  {
    program: 'mkfs.erofs',
    purpose: 'erofs layers',
    required: false,
  },
  {
    program: 'fsck.erofs',
    purpose: 'building on erofs layers',
    required: false,
  },
  {
    program: 'skopeo',
    purpose: 'bases out of a docker daemon',
    required: false,
  },
  {
    program: 'mke2fs',
    purpose: 'ext2, ext3 and ext4 file systems',
    required: false,
  },
  {
    program: 'mkfs.btrfs',
    purpose: 'btrfs file systems',
    required: false,
  },
  {
    program: 'mkfs.xfs',
    purpose: 'xfs file systems',
    required: false,
  },
  {
    program: 'busybox',
    purpose: 'small initrds of disks',
    required: false,
  },
  {
    program: 'grub-mkimage',
    purpose: 'disks that start with GRUB',
    required: false,
  },
  {
    program: 'qemu-img',
    purpose: 'other formats of disks',
    required: false,
  },
  {
    program: 'qemu-system-x86_64',
    purpose: 'starting disks',
    required: false,
  },
];

export function findPrograms(): readonly Finding[] {
  return TOOLS.map(findTool);
}

/** What writes layers of each type. */
const WRITERS: Readonly<Record<string, string>> = { squashfs: 'mksquashfs', erofs: 'mkfs.erofs' };

/** @throws AshlarError when a program is missing that layers of these types are written with. */
export function checkPrograms(layerTypes: readonly string[]): void {
  for (const tool of TOOLS) {
    const type = layerTypes.find(name => WRITERS[name] === tool.program);
    if (type === undefined || findProgram(tool.program)) continue;
    throw new AshlarError(`cannot find the program '${tool.program}', which --layer-type ${type} needs`, {
      hint: installationOf(tool.program),
    });
  }
}

function findTool(tool: Tool): Finding {
  const { program, purpose, required } = tool;
  const path = findProgram(program);
  if (path) return { subject: program, state: 'ok', detail: path, required };
  const cure = `for ${purpose}: ${installationOf(program)}`;
  return {
    subject: program,
    state: required ? 'missing' : 'degraded',
    detail: 'not installed',
    cure,
    required,
  };
}
