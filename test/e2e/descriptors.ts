/** CEKit descriptors as files, and what the front end makes of them, in this process. */
import { chmodSync } from 'node:fs';
import { writeTarget } from '../../src/cli/cekit/target.ts';
import type { Plan } from '../../src/plan/types.ts';
import { describeImages, planDescription, targetFiles } from '../../src/recipes/cekit/index.ts';
import type { CekitOptions } from '../../src/recipes/cekit/options.ts';
import type { Project } from './support.ts';

/** Files by path; a text with `#!` at its beginning is executable. */
type DescriptorFiles = Readonly<Record<string, string>>;

export function writeDescriptor(project: Project, files: DescriptorFiles): void {
  for (const [path, text] of Object.entries(files)) {
    const written = project.write(path, text);
    // Whatever our umask is.
    chmodSync(written, text.startsWith('#!') ? 0o755 : 0o644);
  }
}

/** The plan of `image.yaml` in the directory of a project; its target directory is written, too. */
export async function planAndTarget(project: Project, flags: Partial<CekitOptions> = {}): Promise<Plan> {
  const none = async () => {
    throw new Error('nothing is to be fetched');
  };
  const options: CekitOptions = {
    descriptor: 'image.yaml',
    cwd: project.path,
    overrides: [],
    buildArguments: [],
    environment: {},
    tags: ['app'],
    layers: 'one',
    platforms: [{ os: 'linux', architecture: 'amd64' }],
    redhat: false,
    literalValues: false,
    version: '0.0.0',
    readStdin: none,
    fetchText: none,
    checkout: none,
    readLabels: none,
    warn: () => {},
    info: () => {},
    debug: () => {},
    ...flags,
  };
  const description = await describeImages(options);
  const files = await targetFiles(description, {
    ...options,
    osbs: false,
    containerFile: 'Dockerfile',
    md5Of: none,
  });
  const artifact = async (artifact: { readonly kind: string; readonly path?: string }) =>
    artifact.path ?? none();
  await writeTarget(project.at('target'), files, { sources: { artifact, repository: none }, outside: [] });
  return planDescription(description, options);
}
