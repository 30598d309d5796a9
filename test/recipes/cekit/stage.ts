import type { Artifact, Located, Section, Stage } from '../../../src/recipes/cekit/model.ts';

/** Descriptions for tests that need no descriptor. */
export const at = { file: '/work/image.yaml', line: 1, column: 1 };

export const located = (text: string): Located => ({ text, at });

export function section(parts: Partial<Section> = {}): Section {
  return {
    name: 'org/image',
    version: '1.0',
    artifacts: [],
    install: [],
    remove: [],
    reinstall: [],
    args: [],
    envs: [],
    labels: [],
    ports: [],
    execute: [],
    volumes: [],
    at,
    ...parts,
  };
}

export function stage(parts: Partial<Stage> = {}): Stage {
  return {
    name: located('org/image'),
    version: located('1.0'),
    from: located('base:1'),
    manager: 'yum',
    repositories: [],
    args: [],
    modules: [],
    image: section(),
    run: {},
    osbs: { extraDir: '/work/osbs_extra', remoteSource: false },
    help: { add: false },
    effective: { name: 'org/image', version: '1.0', from: 'base:1' },
    at,
    ...parts,
  };
}

export function pathArtifact(path: string, target: string, dest = '/opt/'): Artifact {
  return { kind: 'path', name: target, target, dest, path, checksums: {}, at };
}
