/** Builds into an OCI layout by the command itself; the peer is `buildah bud` with `buildah push oci:`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../src/support/process.ts';
import type { Fixtures } from './fixtures.ts';
import { once, type Stage } from './stage.ts';
import type { Contender, Race, Target, Workload } from './workload.ts';

/** What a build adds to the base, in both languages. */
interface Addition {
  readonly layer: object;
  readonly instruction: string;
  /** Content of the file `hello` beside the description. */
  readonly hello: string;
}

function importing(hello: string): Addition {
  return {
    layer: { imports: [{ path: 'hello', dest: '/opt/app/hello' }] },
    instruction: 'COPY hello /opt/app/hello',
    hello,
  };
}

function running(command: string): Addition {
  return { layer: { run: command }, instruction: `RUN ${command}`, hello: '' };
}

/** `cold`: nothing is there, neither store nor output. `warm`: the run before has left both. */
type Store = 'cold' | 'warm';

export function builds(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  const isolation = once(async () => findIsolation(stage, (await fixtures.debianImage()).reference));

  /** Against buildah; `add` is given the number of the run. */
  function duel(
    name: string,
    title: string,
    store: Store,
    add: (run: number) => Addition,
    targets: Target[],
  ) {
    const prepare = async (): Promise<Race> => {
      const base = (await fixtures.debianImage()).reference;
      const ashlar = ashlarBuild(stage, `${name}-ashlar`, store, run => {
        const { layer, hello } = add(run);
        return { layers: { app: { from: { type: 'oci', url: base }, ...layer } }, hello };
      });
      const buildah = buildahBuild(stage, `${name}-buildah`, store, await isolation(), run => {
        const { instruction, hello } = add(run);
        return { dockerfile: `FROM oci:${base}\n${instruction}\n`, hello };
      });
      return { contenders: [ashlar, buildah], targets };
    };
    return { name, title, prepare };
  }

  return [
    startUp(stage),
    duel('file-cold', 'base + one file, cold store', 'cold', run => importing(`cold ${run}`), [
      { kind: 'ratio', to: 'buildah', atMost: 0.1 },
      { kind: 'seconds', atMost: 0.6 },
    ]),
    duel('file-changed', 'base + one file, changed', 'warm', run => importing(`changed ${run}`), []),
    duel('run-cold', 'one small run, cold store', 'cold', run => running(`echo ${run} > /file`), [
      { kind: 'ratio', to: 'buildah', atMost: 0.4 },
    ]),
    duel('run-warm', 'one small run, warm store', 'warm', run => running(`echo ${run} > /file`), [
      { kind: 'ratio', to: 'buildah', atMost: 0.25 },
      { kind: 'seconds', atMost: 0.5 },
    ]),
    duel('cached-1', 'nothing changed, 1 layer', 'warm', () => running('echo 1 > /file'), [
      { kind: 'seconds', atMost: 0.2 },
    ]),
  ];
}

function startUp(stage: Stage): Workload {
  return {
    name: 'start-up',
    title: 'ashlar --version',
    prepare: async () => ({
      contenders: [{ name: 'ashlar', command: stage.ashlar(stage.directory, '--version') }],
      targets: [{ kind: 'seconds', atMost: 0.07 }],
    }),
  };
}

interface StackerInput {
  readonly layers: Record<string, object>;
  readonly hello: string;
}

export function ashlarBuild(
  stage: Stage,
  directory: string,
  store: Store,
  input: (run: number) => StackerInput,
  ...options: readonly string[]
): Contender {
  const project = stage.path(directory);
  return {
    name: 'ashlar',
    prepare(run) {
      if (run === 0 || store === 'cold') stage.made(directory);
      const { layers, hello } = input(run);
      // JSON is YAML.
      writeFileSync(join(project, 'stacker.yaml'), JSON.stringify(layers, null, 2));
      writeFileSync(join(project, 'hello'), hello);
    },
    command: stage.ashlar(project, '--store', 'store', 'build', ...options),
  };
}

interface DockerInput {
  readonly dockerfile: string;
  readonly hello: string;
}

function buildahBuild(
  stage: Stage,
  directory: string,
  store: Store,
  isolation: readonly string[],
  input: (run: number) => DockerInput,
): Contender {
  const project = stage.path(directory);
  const buildah = buildahIn(project);
  // With its cache, which the same description finds filled and a changed one does not.
  const build = [...buildah, 'bud', '--quiet', '--layers', ...isolation, '--tag', 'app', 'context'].join(' ');
  const push = [...buildah, 'push', '--quiet', 'app', 'oci:output:app'].join(' ');
  const context = join(project, 'context');
  return {
    name: 'buildah',
    needs: ['buildah'],
    prepare(run) {
      if (run === 0 || store === 'cold') stage.made(directory);
      const { dockerfile, hello } = input(run);
      mkdirSync(context, { recursive: true });
      writeFileSync(join(context, 'Dockerfile'), dockerfile);
      writeFileSync(join(context, 'hello'), hello);
    },
    command: { program: 'sh', args: ['-ec', `${build}\n${push}`], cwd: project },
  };
}

export function buildahIn(directory: string): readonly string[] {
  return [
    'buildah',
    ...['--storage-driver', 'overlay'],
    ...['--root', join(directory, 'root'), '--runroot', join(directory, 'runroot')],
  ];
}

/** The options with which buildah can run something here: some machines' control groups are nothing for crun. */
async function findIsolation(stage: Stage, base: string): Promise<readonly string[]> {
  if (!findProgram('buildah')) return [];
  const directory = stage.made('isolation');
  writeFileSync(join(directory, 'Dockerfile'), `FROM oci:${base}\nRUN true\n`);
  const failures: unknown[] = [];
  for (const options of [[], ['--runtime', 'runc'], ['--isolation', 'chroot']]) {
    try {
      await stage.run('env', ...buildahIn(directory), 'bud', '--quiet', ...options, directory);
      stage.cleared('isolation');
      return options;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, 'buildah can run nothing here');
}
