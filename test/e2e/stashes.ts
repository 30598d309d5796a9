/** Trees that are stashed, by the command line and in this process. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildOptions } from '../../src/cli/commands/build-options.ts';
import { type BuildEvent, type BuildOptions, stashTree } from '../../src/engine/index.ts';
import { identifyKiwi } from '../../src/recipes/kiwi/index.ts';
import type { Project } from './support.ts';

export const DESCRIPTION = `<?xml version="1.0"?>
<image schemaversion="8.0" name="Leap-VM">
  <description type="system"><author>Ann</author><contact>ann@example.com</contact></description>
  <preferences><version>1.2.3</version></preferences>
</image>
`;

/** A project gets a small tree in `root`. */
export function withTree(project: Project, description = DESCRIPTION): Project {
  for (const path of ['dev', 'proc', 'run', 'sys', 'etc', 'usr/bin'])
    mkdirSync(project.at('root', path), { recursive: true });
  project.write('root/image/config.xml', description);
  project.write('root/image/images.sh', 'echo\n', 0o755);
  project.write('root/etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
  project.write('root/usr/bin/tool', 'tool\n', 0o4755);
  project.write('root/run/socket', '');
  linkSync(project.at('root/usr/bin/tool'), project.at('root/usr/bin/same'));
  symlinkSync('usr/bin', project.at('root/bin'));
  return project;
}

export const runStash = (project: Project, args: readonly string[], env = {}) =>
  project.ashlar(['system', 'stash', ...args], { env });

export interface Here {
  readonly root?: string;
  readonly name?: string;
  readonly tag?: string;
  readonly epoch?: number;
}

export function optionsOf(project: Project, sourceDateEpoch?: number): BuildOptions {
  const settings = { workDir: '', stackerDir: '', ociDir: '', rootsDir: '', store: project.store };
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  const authorship = { author: 'tester', created: '2027-01-15T08:00:00Z' };
  return { ...options, sourceDateEpoch, ...(sourceDateEpoch !== undefined && { authorship }) };
}

/** The tree in an archive: no namespaces are needed to read it. */
export function archived(project: Project): string {
  const tar = project.at('tree.tar');
  const options = ['--exclude=./run/*', '--owner=0', '--group=0', '-C', project.at('root'), '-cf', tar, '.'];
  execFileSync('tar', options);
  return tar;
}

/** Stashes in this process, with all that is said. */
export async function stashHere(
  project: Project,
  { root = project.at('root'), name, tag = 'latest', epoch }: Here = {},
) {
  const { signal } = new AbortController();
  const said: string[] = [];
  const emit = (event: BuildEvent) => void (event.kind === 'message' && said.push(event.text));
  const options = optionsOf(project, epoch);
  const stashed = await stashTree({ root, name, tag, describe: identifyKiwi }, options, emit, signal);
  return { ...stashed, said };
}

export const layoutOf = (project: Project, name = 'leap-vm') => join(project.store, 'stashes', name);
