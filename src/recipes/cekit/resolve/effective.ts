import { given } from '../../../support/given.ts';
import type { RawImage } from '../descriptor/types.ts';
import type { Artifact, Repository, Stage } from '../model.ts';
import type { Module } from '../modules/registry.ts';

/** The descriptor of a stage as CEKit would write it down again: overrides applied, modules ordered, paths absolute. */
export function effectiveDescriptor(
  { schemaVersion, release, envs, packages, outputs }: RawImage,
  modules: readonly Module[],
  stage: Omit<Stage, 'effective'>,
): Readonly<Record<string, unknown>> {
  const { image, osbs, help } = stage;
  const repositories = new Map(modules.map(({ repository }) => [repository.directory, repository]));
  return given({
    schema_version: schemaVersion?.value,
    name: stage.name.text,
    version: stage.version.text,
    release: release?.text,
    from: stage.from.text,
    description: stage.description?.text,
    labels: bare(image.labels),
    envs: envs.map(({ others, ...env }) => bare({ ...others, ...env })),
    args: bare(image.args),
    ports: bare(image.ports),
    volumes: bare(image.volumes),
    artifacts: image.artifacts.map(writeArtifact),
    modules: {
      repositories: [...repositories.values()].map(({ name, target, directory }) => ({
        name,
        target,
        path: directory,
      })),
      install: modules.map(({ name, version }) => ({ name: name.text, version: version.text })),
    },
    packages: given({
      manager: stage.manager,
      manager_flags: stage.managerFlags?.text,
      install: bare(packages.install),
      remove: bare(packages.remove),
      reinstall: bare(packages.reinstall),
      repositories: stage.repositories.map(writeRepository),
      content_sets: stage.contentSets?.sets,
    }),
    run: bare(stage.run),
    osbs: given({
      repository: osbs.repository,
      configuration: given({ container: osbs.container, gating: osbs.gating }),
      koji_target: osbs.kojiTarget,
      extra_dir: osbs.extraDir,
      extra_dir_target: osbs.extraDirTarget?.text,
    }),
    outputs: outputs?.plain,
    help: given({ add: help.add, template: help.template?.text }),
  });
}

function writeArtifact({ kind, at, ...artifact }: Artifact): unknown {
  if ('checksums' in artifact) {
    const { checksums, ...rest } = artifact;
    return { ...rest, ...checksums };
  }
  if ('ref' in artifact) {
    const { url, ref, ...rest } = artifact;
    return { ...rest, git: { url, ref } };
  }
  if ('buildId' in artifact) {
    const { buildId, artifactId, ...rest } = artifact;
    return { ...rest, pnc_build_id: buildId, pnc_artifact_id: artifactId };
  }
  return bare(artifact);
}

function writeRepository(repository: Repository): object {
  const { name } = repository;
  switch (repository.kind) {
    case 'id':
    case 'plain':
      return { name };
    case 'rpm':
      return { name, rpm: repository.rpm };
    case 'url':
      return { name, url: { repository: repository.url } };
  }
}

/** The value without the places it was read from: texts for located texts, and no keys that hold nothing. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const { at, ...entries }: Readonly<Record<string, unknown>> = { ...value };
  if (at !== undefined && typeof entries.text === 'string') return entries.text;
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([, entry]) => entry !== undefined && entry !== null)
      .map(([key, entry]) => [key, bare(entry)]),
  );
}
