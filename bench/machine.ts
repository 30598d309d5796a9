/** The machine in words, with nothing in them that names it. */
import { cpus, release, totalmem } from 'node:os';
import { findProgram } from '../src/support/process.ts';
import type { Stage } from './stage.ts';

export async function describeMachine(stage: Stage): Promise<string> {
  const [cpu] = cpus();
  const model = cpu?.model.replace(/\((?:R|TM)\)|@.*$|\b(?:CPU|Processor)\b/g, '').replace(/\s+/g, ' ');
  const fileSystem = (await stage.run('stat', '--file-system', '--format=%T', stage.directory)).trim();
  return [
    `${cpus().length} cores (${process.arch}${model?.trim() ? `, ${model.trim()}` : ''})`,
    `${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    fileSystem === 'ext2/ext3' ? 'ext4' : fileSystem,
    `Linux ${release().replace(/-.*$/, '')}`,
    `Node.js ${process.versions.node}`,
    ...(await peerVersions(stage)),
  ].join(', ');
}

const peers = [
  ...['buildah', 'umoci', 'skopeo', 'tar', 'gzip', 'pigz', 'zstd', 'crun', 'runc'],
  ...['mksquashfs', 'fsck.erofs', 'kiwi-ng'],
];

/** How those say it that know no --version. */
const versionFlags: Readonly<Record<string, string>> = { mksquashfs: '-version', 'fsck.erofs': '-V' };

async function peerVersions(stage: Stage): Promise<readonly string[]> {
  const versions: string[] = [];
  for (const name of peers) {
    if (!findProgram(name)) continue;
    // pigz says it on standard error.
    const [first = ''] = (
      await stage.run('sh', '-c', `${name} ${versionFlags[name] ?? '--version'} 2>&1`)
    ).split('\n');
    const [version] = /\d+(?:\.\d+)+/.exec(first) ?? [];
    versions.push(`${name === 'tar' ? 'GNU tar' : name} ${version ?? '?'}`);
  }
  return versions;
}
