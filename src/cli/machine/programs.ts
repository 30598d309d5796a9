/** Programs that builds start, and how to get those that are missing. */
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
    program: 'skopeo',
    purpose: 'bases out of a docker daemon',
    packages: { debian: 'skopeo', fedora: 'skopeo', opensuse: 'skopeo' },
    required: false,
  },
];

export function findPrograms(): readonly Finding[] {
  return TOOLS.map(findTool);
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
