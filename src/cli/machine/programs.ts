/** Programs that builds start, and how to get those that are missing. */
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import type { Finding } from './finding.ts';

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
  {
    program: 'mksquashfs',
    purpose: 'squashfs layers',
    packages: { debian: 'squashfs-tools', fedora: 'squashfs-tools', opensuse: 'squashfs' },
    required: false,
  },
  {
    program: 'unsquashfs',
    purpose: 'building on squashfs layers',
    packages: { debian: 'squashfs-tools', fedora: 'squashfs-tools', opensuse: 'squashfs' },
    required: false,
  },
  {
    program: 'mkfs.erofs',
    purpose: 'erofs layers',
    packages: { debian: 'erofs-utils', fedora: 'erofs-utils', opensuse: 'erofs-utils' },
    required: false,
  },
  {
    program: 'fsck.erofs',
    purpose: 'building on erofs layers',
    packages: { debian: 'erofs-utils', fedora: 'erofs-utils', opensuse: 'erofs-utils' },
    required: false,
  },
  {
    program: 'skopeo',
    purpose: 'bases out of a docker daemon',
    packages: { debian: 'skopeo', fedora: 'skopeo', opensuse: 'skopeo' },
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
      hint: installation(tool),
    });
  }
}

function installation({ packages: { debian, fedora, opensuse } }: Tool): string {
  return `apt install ${debian} | dnf install ${fedora} | zypper install ${opensuse}`;
}

function findTool(tool: Tool): Finding {
  const { program, purpose, required } = tool;
  const path = findProgram(program);
  if (path) return { subject: program, state: 'ok', detail: path, required };
  const cure = `for ${purpose}: ${installation(tool)}`;
  return {
    subject: program,
    state: required ? 'missing' : 'degraded',
    detail: 'not installed',
    cure,
    required,
  };
}
