import { buildContext, type ContextOptions, isFetchedByOsbs, sectionsOf } from '../dockerfile/context.ts';
import type { Description } from '../model.ts';
import type { TargetFile } from './types.ts';

/** What the statements of the Dockerfile copy; each file once, however many statements do. */
export function contextFiles(description: Description, options: ContextOptions): readonly TargetFile[] {
  const context = buildContext(description, options);
  const files = new Map<string, TargetFile>();
  const add = (file: TargetFile) => {
    if (!files.has(file.path)) files.set(file.path, file);
  };
  for (const [artifact, { path, ...file }] of context.artifacts) {
    if (isFetchedByOsbs(artifact, options)) continue;
    add({ kind: 'artifact', path: `image/${path}`, ...file, artifact, at: artifact.at });
  }
  for (const { directory, at } of sectionsOf(description)) {
    const name = directory && context.modules.get(directory);
    if (directory === undefined || name === undefined) continue;
    add({ kind: 'directory', path: `image/${name}`, directory, optional: false, at });
  }
  for (const { repositories } of [...description.builders, description.target]) {
    for (const repository of repositories) {
      if (repository.kind !== 'url') continue;
      add({ kind: 'repository', path: `image/repos/${repository.fileName}`, repository, at: repository.at });
    }
  }
  const { osbs, at } = description.target;
  if (options.osbs || osbs.extraDirTarget !== undefined) {
    // OSBS users may have it although no statement copies it.
    const optional = osbs.extraDirTarget === undefined;
    const path = `image/${context.extraDirectory}`;
    add({ kind: 'directory', path, directory: osbs.extraDir, optional, at: osbs.extraDirTarget?.at ?? at });
  }
  return [...files.values()];
}
