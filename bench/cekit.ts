/**
 * CEKit descriptors; the peers are what CEKit itself does, and its second half alone: buildah on the Dockerfile that it
 * writes. All end with an OCI layout.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildahIn } from './builds.ts';
import type { Stage } from './stage.ts';
import type { Contender, Race, Target, Workload } from './workload.ts';

/** A descriptor with its files, and the same as a Dockerfile. */
interface Example {
  readonly descriptor: string;
  readonly dockerfile: string;
  /** Writes the files that the descriptor names. */
  readonly files: (directory: string) => void;
  /** Where CEKit puts copies of them for buildah, where that is another name. */
  readonly copies: Readonly<Record<string, string>>;
}

const SCRATCH: Example = {
  descriptor: `name: "cekit-scratch"
version: "1.0.0"
from: "scratch"
description: "Minimal scratch example"
labels:
  - name: "io.cekit.test"
    value: "This is a CEKit test label"
envs:
  - name: "CEKIT_TEST"
    value: "test"
artifacts:
  - name: "file1"
    path: metadata/test-file.txt
    dest: /files/
  - name: "file2"
    path: metadata/other.txt
    dest: /files/
  - name: "dir"
    path: metadata
    dest: /target
`,
  dockerfile: `FROM scratch
COPY file1 file2 /files/
COPY dir /target/
ENV CEKIT_TEST="test"
LABEL description="Minimal scratch example" io.cekit.test="This is a CEKit test label" summary="Minimal scratch example"
`,
  files(directory) {
    mkdirSync(join(directory, 'metadata'), { recursive: true });
    writeFileSync(join(directory, 'metadata/test-file.txt'), 'a file for the test\n');
    writeFileSync(join(directory, 'metadata/other.txt'), 'another one\n');
  },
  copies: { file1: 'metadata/test-file.txt', file2: 'metadata/other.txt', dir: 'metadata' },
};

const [directories, filesEach] = [200, 100];

const TREE: Example = {
  descriptor: `name: tree
version: "1"
from: scratch
artifacts:
  - name: tree
    path: tree
    dest: /opt/tree
`,
  dockerfile: 'FROM scratch\nCOPY tree /opt/tree/\n',
  files(directory) {
    for (let i = 0; i < directories; i++) {
      mkdirSync(join(directory, `tree/${i}`), { recursive: true });
      for (let j = 0; j < filesEach; j++)
        writeFileSync(join(directory, `tree/${i}/${j}`), `file ${j} of directory ${i}\n`.repeat(40));
    }
  },
  copies: {},
};

export function cekit(stage: Stage): readonly Workload[] {
  const duel = (
    name: string,
    title: string,
    example: Example,
    store: 'cold' | 'warm',
    targets: Target[],
  ): Workload => ({
    name,
    title,
    prepare: async (): Promise<Race> => ({
      contenders: [
        ashlar(stage, `${name}-ashlar`, example, store),
        buildah(stage, `${name}-buildah`, example, store),
        original(stage, `${name}-cekit`, example, store),
      ],
      targets,
    }),
  });
  return [
    duel('cekit-cold', "CEKit's scratch example, cold store", SCRATCH, 'cold', [
      { kind: 'seconds', atMost: 0.3 },
      { kind: 'ratio', to: 'buildah', atMost: 0.5 },
    ]),
    duel('cekit-unchanged', "CEKit's scratch example, unchanged", SCRATCH, 'warm', [
      { kind: 'seconds', atMost: 0.2 },
    ]),
    duel('cekit-directory', 'a directory artifact of 20 000 files, cold store', TREE, 'cold', [
      { kind: 'ratio', to: 'buildah', atMost: 0.5 },
    ]),
  ];
}

function ashlar(stage: Stage, directory: string, example: Example, store: 'cold' | 'warm'): Contender {
  const project = stage.path(directory);
  return {
    name: 'ashlar',
    prepare: run => describe(stage, directory, example, store, run),
    command: stage.ashlar(project, '--store', 'store', 'build'),
  };
}

/** CEKit itself; it copies everything, writes a Dockerfile and calls buildah. */
function original(stage: Stage, directory: string, example: Example, store: 'cold' | 'warm'): Contender {
  const project = stage.path(directory);
  // CEKit calls `buildah` by that name: a script in front of the path gives it the storage of this run.
  const script = `PATH=$PWD/bin:$PATH
cekit --nocolor --work-dir "$PWD/work" build buildah
buildah push --quiet ${nameOf(example)} oci:output:app`;
  return {
    name: 'cekit',
    needs: ['cekit', 'buildah'],
    prepare(run) {
      describe(stage, directory, example, store, run);
      mkdirSync(join(project, 'bin'), { recursive: true });
      const wrapper = `#!/bin/sh\nPATH=\${PATH#*:}\nexec ${buildahIn(project).join(' ')} "$@"\n`;
      writeFileSync(join(project, 'bin/buildah'), wrapper, { mode: 0o755 });
    },
    command: { program: 'sh', args: ['-ec', script], cwd: project },
  };
}

function nameOf({ descriptor }: Example): string {
  const value = (key: string) => new RegExp(`^${key}: "?([^"\\n]+)`, 'm').exec(descriptor)?.[1];
  return `${value('name')}:${value('version')}`;
}

function describe(
  stage: Stage,
  directory: string,
  { descriptor, files }: Example,
  store: 'cold' | 'warm',
  run: number,
): void {
  if (run > 0 && store === 'warm') return;
  stage.made(directory);
  const project = stage.path(directory);
  writeFileSync(join(project, 'image.yaml'), descriptor);
  files(project);
}

function buildah(stage: Stage, directory: string, example: Example, store: 'cold' | 'warm'): Contender {
  const project = stage.path(directory);
  const command = buildahIn(project);
  const build = [...command, 'bud', '--quiet', '--squash', '--tag', 'app', 'context'].join(' ');
  const push = [...command, 'push', '--quiet', 'app', 'oci:output:app'].join(' ');
  return {
    name: 'buildah',
    needs: ['buildah'],
    prepare(run) {
      if (run > 0 && store === 'warm') return;
      stage.made(directory);
      const context = join(project, 'context');
      mkdirSync(context);
      writeFileSync(join(context, 'Dockerfile'), example.dockerfile);
      example.files(context);
      for (const [name, path] of Object.entries(example.copies))
        cpSync(join(context, path), join(context, name), { recursive: true });
    },
    command: { program: 'sh', args: ['-ec', `${build}\n${push}`], cwd: project },
  };
}
